"""A program in Go, with the package that Pulumi generates of the schema, in this cluster: `pulumi up` by the plugin."""

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml
from tools.bootstrap.paths import ROOT, TOOLS

from moorage.plugin.schema import FILE
from tests.pulumi_project import PulumiProject

from .cluster import Cluster
from .control_plane.control_plane import ControlPlane

NAMESPACE = "quay"
PROGRAM = Path(__file__).with_name("go_program")
PROJECT = {
    "name": "quay",
    "runtime": {"name": "go", "options": {"binary": "program"}},
    "packages": {"moorage": str(ROOT / "plugin")},
}


@pytest.fixture(scope="module")
def project(
    control_plane: ControlPlane,
    cluster: Cluster,
    nodes_of_the_pages: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[PulumiProject]:
    """Compiled, up, and down again in the end."""
    folder = tmp_path_factory.mktemp("go") / "project"
    compile_program(folder)
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(PROJECT))
    cluster.ensure_namespace(NAMESPACE)
    stack = PulumiProject(folder, ROOT / ".venv", {"KUBECONFIG": str(control_plane.kubeconfig)}, hosts=PROGRAM)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()
        cluster.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


def compile_program(folder: Path) -> None:
    """Against the generated package; set-up has fetched what both need, and nothing else is."""
    shutil.copytree(PROGRAM, folder)
    subprocess.run([TOOLS / "pulumi-sdk-generator", FILE, folder], check=True)
    command = ["go", "build", "-mod=readonly", "-o", "program", "."]
    built = subprocess.run(
        command, cwd=folder, env={**os.environ, "GOPROXY": "off", "CGO_ENABLED": "0"}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr


def test_every_part_is_up(project: PulumiProject, cluster: Cluster):
    replicas = {
        name: cluster.get("apps/v1", kind, name, NAMESPACE)["status"]["readyReplicas"]
        for kind, name in (("Deployment", "engine"), ("Deployment", "gateway"), ("StatefulSet", "cache"))
    }
    assert replicas == {"engine": 1, "gateway": 2, "cache": 1}
    assert project.outputs()["endpointUrl"] == f"http://gateway.{NAMESPACE}.svc:80/v1"
    assert project.outputs()["apiKey"].startswith("moorage-")


def test_a_second_up_would_change_nothing(project: PulumiProject):
    project.preview("--expect-no-changes")
