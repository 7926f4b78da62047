"""Files: their names, their order, their text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from moorage.cli.manifest import Document
from moorage.cli.manifest_files import file_name, to_yaml, write_manifests


def document(kind: str, name: str = "web", *, api_version: str = "v1", namespace: str = "") -> Document:
    metadata: Document = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def test_files_in_their_order_can_be_applied_one_after_the_other():
    kinds = ["ScaledObject", "Deployment", "Service", "ConfigMap", "ServiceAccount", "PriorityClass", "Namespace"]
    names = sorted(file_name(document(kind)) for kind in kinds)
    assert [name.split("-")[1].split("_")[0] for name in names] == [kind.lower() for kind in reversed(kinds)]


@pytest.mark.parametrize(
    "other",
    [
        document("Role", namespace="b"),
        document("Role", "web2", namespace="a"),
        document("Role", namespace="a", api_version="rbac.authorization.k8s.io/v1"),
        document("RoleBinding", namespace="a"),
    ],
)
def test_no_two_objects_share_a_name(other: Document):
    assert file_name(document("Role", namespace="a")) != file_name(other)


def test_a_newer_version_of_a_kind_keeps_its_file():
    assert file_name(document("Cron", api_version="x.io/v1")) == file_name(document("Cron", api_version="x.io/v2"))


@given(st.recursive(st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False), st.lists, max_leaves=5))
def test_yaml_says_what_the_document_says(value: object):
    written = {**document("ConfigMap"), "data": {"value": value}}
    assert yaml.safe_load(to_yaml(written)) == written


def test_texts_of_several_lines_are_blocks():
    assert "data: |\n  a: 1\n  b: 2\n" in to_yaml({**document("ConfigMap"), "data": "a: 1\nb: 2\n"})


def test_a_later_call_removes_what_is_no_longer_there_and_only_that(tmp_path: Path):
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    write_manifests(tmp_path, "dev", [document("Service"), document("ConfigMap")])
    write_manifests(tmp_path, "dev", [document("Service")])
    assert {file.name for file in tmp_path.iterdir()} == {"kustomization.yaml", "40-service_web.yaml"}
