"""One control plane for all tests of this room, with the definitions of every custom resource that ours use."""

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.dynamic.exceptions import NotFoundError
from tools.bootstrap.paths import TOOLS

from moorage.planner.gpu_catalog import GpuInstance

from .cluster import Cluster, wait_until
from .control_plane.control_plane import ControlPlane, running_control_plane
from .nodes import gpu_node, instance, plain_node

VENDORED = Path(__file__).parent / "crds"
AddNodes = Callable[..., list[str]]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Generator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> Generator[Cluster]:
    """With all definitions established; its user may do everything."""
    administrator = Cluster(control_plane.kubeconfig)
    try:
        definitions = custom_resource_definitions()
        for definition in definitions:
            administrator.apply(definition)
        for definition in definitions:
            wait_until(lambda name=definition["metadata"]["name"]: _is_established(administrator, name))
        yield administrator
    finally:
        administrator.close()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Generator[str]:
    """A restricted one of the test's own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-60:].strip("-")
    cluster.ensure_namespace(name)
    wait_until(lambda: _has_account(cluster, name))
    yield name
    cluster.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@pytest.fixture
def add_nodes(cluster: Cluster, request: pytest.FixtureRequest) -> Generator[AddNodes]:
    """Adds nodes of one shape to a pool, which go after the test; their names."""
    added: list[dict[str, Any]] = []

    def add(count: int, shape: GpuInstance, pool: str) -> list[str]:
        documents = [gpu_node(f"{pool}-{len(added) + index}", shape, pool) for index in range(count)]
        for document in documents:
            cluster.create(document)
            added.append(document)
        names = [document["metadata"]["name"] for document in documents]
        wait_until(lambda: all(_is_ready(cluster.get("v1", "Node", name)) for name in names))
        return names

    yield add
    for document in added:
        cluster.delete(document)


@pytest.fixture(scope="module")
def nodes_of_the_pages(cluster: Cluster) -> Generator[None]:
    """The pool that programs of the documentation name, and one node for everything else."""
    nodes = [plain_node("plain"), gpu_node("l4-0", instance("aws", "us-east-1", "g6.2xlarge"), "l4")]
    for node in nodes:
        cluster.create(node)
    yield
    for node in nodes:
        cluster.delete(node)


class _Loader(yaml.CSafeLoader):
    """Reads `=` as the text that it is to Kubernetes, not as YAML 1.1's default key, which PyYAML cannot read."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)


def custom_resource_definitions() -> list[dict[str, Any]]:
    """Out of the Go modules that their owners publish, and those that are in no module."""
    files = sorted((TOOLS / "crds").glob("*.yaml")) + sorted(VENDORED.glob("*.yaml"))
    documents = [document for file in files for document in yaml.load_all(file.read_text(), _Loader)]
    return [document for document in documents if document]


def _is_established(cluster: Cluster, name: str) -> bool:
    definition = cluster.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    conditions = definition.get("status", {}).get("conditions") or []  # null at first
    return any((condition["type"], condition["status"]) == ("Established", "True") for condition in conditions)


def _is_ready(node: dict[str, Any]) -> bool:
    """Whether the scheduler may use it: a new node has the taint `node.kubernetes.io/not-ready` for a moment."""
    conditions = node["status"].get("conditions", [])
    is_ready = any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)
    return is_ready and not any(taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"]["taints"])


def _has_account(cluster: Cluster, namespace: str) -> bool:
    try:
        cluster.get("v1", "ServiceAccount", "default", namespace)
    except NotFoundError:
        return False
    return True
