"""The plugin's schema is that of all components, and Pulumi's own command finds it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from moorage.plugin.components import COMPONENTS, component
from moorage.plugin.schema import FILE, rendered_schema
from moorage.plugin.servicer import CREDENTIALS
from tests.contract.examples import own_subclasses

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
LOCAL = "moorage.local."
JSON_DOCUMENTS = {
    "ElastiCacheValkey.settings",
    "FargateGateway.settings",
    "KubernetesGateway.settings",
    "KubernetesValkey.settings",
    "LambdaLlm.settings",
    "NetworkPolicies.gatewaySettings",
    "StreamLoadBalancer.settings",
}
"""Whose schema is the gateway's contract: Pulumi has no words for it."""


def parts(name: str, properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property with what is inside of it, after the name of its owner and its own."""
    for key, part in properties.items():
        while part:
            yield f"{name}.{key}", part
            part = part.get("items") or part.get("additionalProperties")


def all_parts() -> Iterator[tuple[str, dict[str, Any]]]:
    for token, resource in SCHEMA["resources"].items():
        yield from parts(token.rpartition(":")[2], resource["inputProperties"])
        yield from parts(token.rpartition(":")[2], resource["properties"])
    for token, kind in SCHEMA["types"].items():
        yield from parts(token.rpartition(":")[2], kind["properties"])


def test_no_component_is_missing_but_those_of_this_machine():
    """`python -m moorage.plugin.schema` writes the file anew, once the component is in `COMPONENTS`."""
    own = own_subclasses(pulumi.ComponentResource)
    assert {kind.__name__ for kind in own if not kind.__module__.startswith(LOCAL)} == set(COMPONENTS)


def test_the_file_is_what_the_annotations_say():
    assert FILE.read_text() == rendered_schema(), "changed on purpose? `make reference`, and look at what has changed"


def test_pulumi_itself_gets_and_accepts_it(tmp_path: Path):
    """`get-schema` binds it: every reference leads somewhere, and every type is one of Pulumi's."""
    command = [ROOT / ".venv" / "bin" / "pulumi", "package", "get-schema", ROOT / "plugin"]
    got = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    written = json.loads(got.stdout)
    for resource in written["resources"].values():
        resource.setdefault("inputProperties", {})  # it leaves out what is empty
    assert written == {**SCHEMA, "config": {}}
    assert "warning" not in got.stderr.lower()


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_token_is_the_type_that_the_component_registers(name: str):
    assert component(name).__name__ == name
    assert f"moorage:index:{name}" in SCHEMA["resources"]


def test_nothing_is_of_any_type_but_documents_in_json():
    assert {name for name, part in all_parts() if part.get("$ref") == "pulumi.json#/Any"} == JSON_DOCUMENTS


def test_every_component_argument_and_type_is_described():
    described = [*SCHEMA["resources"].items(), *SCHEMA["types"].items()]
    described += [item for resource in SCHEMA["resources"].values() for item in resource["inputProperties"].items()]
    assert [name for name, found in described if not found.get("description")] == []


def test_the_resources_of_the_plugin_have_names_of_their_own():
    assert not CREDENTIALS.keys() & COMPONENTS.keys()
