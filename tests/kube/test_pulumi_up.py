"""The literal `pulumi up` of a stack, with Pulumi's own provider for Kubernetes, in this cluster."""

import os
from collections.abc import Generator
from typing import Any

import pytest
import yaml
from tools.bootstrap.paths import ROOT, TOOLS

from tests.checkout import Checkout

from .cluster import Cluster, Document
from .control_plane.control_plane import ControlPlane
from .nodes import gpu_node, instance, plain_node

STACK = "kubernetes-always-on"
NAMESPACE = "harbour"
GPU_LABELS = {"nvidia.com/gpu.product": "NVIDIA-L4"}


def configuration() -> dict[str, Any]:
    """The worked example, in this cluster."""
    example = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{STACK}.yaml").read_text())["config"]
    keys = {key.partition(":")[2]: value for key, value in example.items()}
    return {**keys, "cluster": {"context": "tests", "namespace": NAMESPACE}}


@pytest.fixture(scope="module", autouse=True)
def _nodes(cluster: Cluster) -> Generator[None]:
    """Those that the example tells of, and one for everything else."""
    gpus = [gpu_node(f"l4-{index}", instance("aws", "us-east-1", "g6.2xlarge"), "l4") for index in range(2)]
    for node in gpus:
        node["metadata"]["labels"] |= GPU_LABELS
    nodes = [plain_node("plain"), *gpus]
    for node in nodes:
        cluster.create(node)
    yield
    for node in nodes:
        cluster.delete(node)


@pytest.fixture(scope="module")
def checkout(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Generator[Checkout]:
    """Up, and down again in the end."""
    environment = {"KUBECONFIG": str(control_plane.kubeconfig), "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    stack = Checkout(tmp_path_factory.mktemp("checkout"), configuration(), environment)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


def running(cluster: Cluster, name: str) -> list[Document]:
    pods = cluster.pods(NAMESPACE, selector=f"app.kubernetes.io/instance={name}")
    return [pod for pod in pods if pod["status"]["phase"] == "Running"]


def test_after_up_every_part_runs(checkout: Checkout, cluster: Cluster):
    assert {pod["spec"]["nodeName"] for pod in running(cluster, "engine")} == {"l4-0", "l4-1"}
    assert {pod["spec"]["nodeName"] for part in ("gateway", "cache") for pod in running(cluster, part)} == {"plain"}
    assert checkout.outputs()["endpoint_url"] == f"http://gateway.{NAMESPACE}.svc:80/v1"


def test_a_second_up_would_change_nothing(checkout: Checkout):
    checkout.pulumi("preview", "--expect-no-changes", "--stack", "test")


def test_another_tenant_rolls_the_gateway_and_leaves_the_engines_alone(checkout: Checkout, cluster: Cluster):
    before = {part: {pod["metadata"]["name"] for pod in running(cluster, part)} for part in ("gateway", "engine")}
    checkout.configure(**configuration(), gateway={"settings": {"tenants": [{"id": "pilots"}]}})
    checkout.up()
    after = {part: {pod["metadata"]["name"] for pod in running(cluster, part)} for part in ("gateway", "engine")}
    assert not after["gateway"] & before["gateway"]
    assert after["engine"] == before["engine"]


def test_another_revision_rolls_the_engines_on_the_nodes_that_there_are(checkout: Checkout, cluster: Cluster):
    given = configuration()
    given["model"] = {**given["model"], "source": f"{given['model']['source']}@{'a' * 40}"}
    checkout.configure(**given)
    checkout.up()
    revisions = {pod["metadata"]["annotations"]["moorage.dev/revision"] for pod in running(cluster, "engine")}
    assert revisions == {"a" * 40}


def test_after_destroy_nothing_is_left(checkout: Checkout, cluster: Cluster):
    checkout.destroy()
    namespaces = {found["metadata"]["name"] for found in cluster.objects("v1", "Namespace")}
    assert NAMESPACE not in namespaces
