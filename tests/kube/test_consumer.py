"""The program of docs/use-from-python.md with the wheel of the library, as another team has it, in this cluster."""

from collections.abc import Generator

import pytest
import yaml
from tools.bootstrap.paths import ROOT

from tests.consumer.environment import build_wheel, consumer_environment
from tests.documentation.pages import Page
from tests.pulumi_project import PulumiProject

from .cluster import Cluster
from .control_plane.control_plane import ControlPlane

NAMESPACE = "harbour"
(PROGRAM,) = Page(ROOT / "docs" / "use-from-python.md").blocks("python")
PROJECT = {"name": "harbour", "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}}


@pytest.fixture(scope="module")
def project(
    control_plane: ControlPlane, nodes_of_the_pages: None, tmp_path_factory: pytest.TempPathFactory
) -> Generator[PulumiProject]:
    """Up, and down again in the end."""
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(PROJECT))
    (folder / "__main__.py").write_text(PROGRAM)
    consumer_environment(folder / "venv", "kubernetes", build_wheel(folder))
    stack = PulumiProject(folder, folder / "venv", {"KUBECONFIG": str(control_plane.kubeconfig)})
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


def test_every_part_is_up(project: PulumiProject, cluster: Cluster):
    replicas = {
        (kind, name): cluster.get("apps/v1", kind, name, NAMESPACE)["status"]["readyReplicas"]
        for kind, name in (("Deployment", "engine"), ("Deployment", "gateway"), ("StatefulSet", "cache"))
    }
    assert replicas == {("Deployment", "engine"): 1, ("Deployment", "gateway"): 2, ("StatefulSet", "cache"): 1}
    assert project.outputs()["endpoint_url"] == f"http://gateway.{NAMESPACE}.svc:80/v1"


def test_a_second_up_would_change_nothing(project: PulumiProject):
    project.preview("--expect-no-changes")


def test_no_cloud_is_asked_for(project: PulumiProject):
    providers = {found["type"].rpartition(":")[2] for found in project.resources() if ":providers:" in found["type"]}
    assert providers == {"kubernetes", "pulumi-python"}
