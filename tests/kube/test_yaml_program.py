"""The program of docs/use-from-other-languages.md, which is in YAML, in this cluster: `pulumi up` by the plugin."""

from collections.abc import Generator
from typing import Any

import pytest
import yaml
from tools.bootstrap.paths import ROOT

from tests.documentation.pages import Page
from tests.pulumi_project import PulumiProject

from .cluster import Cluster, Document
from .control_plane.control_plane import ControlPlane

NAMESPACE = "harbour"
(WRITTEN,) = Page(ROOT / "docs" / "use-from-other-languages.md").blocks("yaml")
PROGRAM: dict[str, Any] = {**yaml.safe_load(WRITTEN), "packages": {"moorage": str(ROOT / "plugin")}}
MADE_UP = {"ApiKey", "Password", "ServerCertificate"}


@pytest.fixture(scope="module")
def project(
    control_plane: ControlPlane, nodes_of_the_pages: None, tmp_path_factory: pytest.TempPathFactory
) -> Generator[PulumiProject]:
    """Up, and down again in the end."""
    folder = tmp_path_factory.mktemp("yaml")
    write(folder / "Pulumi.yaml", PROGRAM)
    stack = PulumiProject(folder, ROOT / ".venv", {"KUBECONFIG": str(control_plane.kubeconfig)})
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


def write(file: Any, program: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(program))


def the(cluster: Cluster, api_version: str, kind: str, name: str) -> Document:
    return cluster.get(api_version, kind, name, NAMESPACE)


def test_every_part_is_up(project: PulumiProject, cluster: Cluster):
    assert the(cluster, "apps/v1", "Deployment", "engine")["status"]["readyReplicas"] == 1
    assert the(cluster, "apps/v1", "Deployment", "gateway")["status"]["readyReplicas"] == 2
    assert the(cluster, "apps/v1", "StatefulSet", "cache")["status"]["readyReplicas"] == 1
    assert project.outputs()["endpointUrl"] == f"http://gateway.{NAMESPACE}.svc:80/v1"


def test_a_key_in_camel_case_reaches_the_engine(project: PulumiProject, cluster: Cluster):
    (container,) = the(cluster, "apps/v1", "Deployment", "engine")["spec"]["template"]["spec"]["containers"]
    command = [*container.get("command", []), *container["args"]]
    assert command[command.index("--max-model-len") + 1] == "8192"


def test_what_one_component_gives_another_one_takes(project: PulumiProject, cluster: Cluster):
    (configuration,) = [
        found["data"]["gateway.json"]
        for found in cluster.objects("v1", "ConfigMap", NAMESPACE)
        if found["metadata"]["name"].startswith("gateway-configuration")
    ]
    (upstream,) = yaml.safe_load(configuration)["upstreams"]
    assert upstream["address"] == f"http://engine.{NAMESPACE}.svc:8000"
    assert upstream["max_concurrent_requests"] == 256


def test_keys_passwords_and_certificates_are_made_by_the_plugin(project: PulumiProject):
    types = {found["type"] for found in project.resources()}
    assert {f"moorage:index:{name}" for name in MADE_UP} <= types
    assert not any(kind.startswith("pulumi-python") for kind in types)
    assert project.outputs()["apiKey"].startswith("moorage-")


def test_none_of_them_is_in_the_state_in_clear(project: PulumiProject):
    key = project.outputs()["apiKey"]
    assert key not in str(project.resources())
    assert "PRIVATE KEY" not in str(project.resources())


def test_a_second_up_would_change_nothing(project: PulumiProject):
    project.preview("--expect-no-changes")


def test_a_refresh_keeps_them(project: PulumiProject):
    before = project.outputs()["apiKey"]
    project.pulumi("refresh", "--yes", "--stack", "test")
    project.preview("--expect-no-changes")
    assert project.outputs()["apiKey"] == before


def test_a_key_is_replaced_where_that_is_asked_for(project: PulumiProject):
    before = project.outputs()["apiKey"]
    (urn,) = [found["urn"] for found in project.resources() if found["type"] == "moorage:index:ApiKey"]
    project.up("--replace", urn)
    assert project.outputs()["apiKey"] != before


def test_everything_wrong_is_refused_at_once_in_the_users_own_words(project: PulumiProject):
    engine = PROGRAM["resources"]["engine"]
    properties = {
        **engine["properties"],
        "model": {**engine["properties"]["model"], "maxModelLen": 0},
        "placement": {**engine["properties"]["placement"], "poolKind": "elastc"},
    }
    wrong = {**PROGRAM["resources"], "engine": {**engine, "properties": properties}}
    write(project.folder / "Pulumi.yaml", {**PROGRAM, "resources": wrong})
    try:
        refusal = project.preview(check=False)
    finally:
        write(project.folder / "Pulumi.yaml", PROGRAM)
    assert "property model.maxModelLen with value '{0}' has a problem: = 0: must be an integer of at least 1" in refusal
    assert "property placement.poolKind" in refusal
    assert "Traceback" not in refusal
