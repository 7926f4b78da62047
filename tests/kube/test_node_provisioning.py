"""Karpenter answers pending engines with the nodes that the pool's ladder means, on real instance shapes."""

import time

from moorage.aws.gpu_pool import EksGpuPool
from moorage.kubernetes.placement import GPU_POOL_LABEL, GPU_TAINT_VALUE

from .cluster import Cluster, Document, wait_until
from .control_plane.control_plane import ControlPlane
from .engines import SELECTOR, Pool, engine, pool_for, rendered
from .karpenter import for_kwok, node_class, running_karpenter

INSTANCE_TYPES = ["g6e.xlarge", "g5.2xlarge"]
EMPTY_SECONDS = 6


def ladder(name: str) -> Pool:
    """Spot before on-demand, on two types of instances."""
    return pool_for(name, capacity_types=["spot", "on-demand"], instance_types=INSTANCE_TYPES)


def node_pools(pool: Pool) -> list[Document]:
    """What `EksGpuPool` makes of the planner's ladder, with nodes that go soon after they are empty."""
    rungs = [{"instance_type": rung.instance_type, "capacity_type": rung.capacity_type} for rung in pool.ladder.rungs]
    arguments = {
        "rungs": rungs,
        "max_gpus": 4,
        "drain_seconds": 30,
        "subnet_ids": ["subnet-1"],
        "security_group_id": "sg-1",
        "node_role_name": "nodes",
        "key_arn": "arn:aws:kms:us-east-1:123456789012:key/1",
    }
    documents = rendered(lambda: EksGpuPool(pool.name, arguments))
    pools = [for_kwok(document) for document in documents if document["kind"] == "NodePool"]
    for document in pools:
        document["spec"]["disruption"]["consolidateAfter"] = f"{EMPTY_SECONDS}s"
    return [node_class(pool.name), *pools]


def nodes_of(cluster: Cluster, pool: Pool) -> list[Document]:
    return cluster.objects("v1", "Node", selector=f"{GPU_POOL_LABEL}={pool.name}")


def running_pods(cluster: Cluster, namespace: str) -> list[Document]:
    return [pod for pod in cluster.pods(namespace, selector=SELECTOR) if pod["status"]["phase"] == "Running"]


def shape_of(node: Document) -> tuple[str, str]:
    labels = node["metadata"]["labels"]
    return labels["node.kubernetes.io/instance-type"], labels["karpenter.sh/capacity-type"]


def test_a_pending_engine_gets_the_node_of_the_first_rung_and_an_empty_node_goes(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
):
    pool = ladder("first")
    with running_karpenter(control_plane, cluster, pool.shapes), cluster.applied(node_pools(pool)):
        with cluster.applied(engine(namespace, pool)):
            (pod,) = wait_until(lambda: running_pods(cluster, namespace), what="a running engine")
            (node,) = nodes_of(cluster, pool)
            assert pod["spec"]["nodeName"] == node["metadata"]["name"]
            first = pool.ladder.rungs[0]
            assert shape_of(node) == (first.instance_type, first.capacity_type)
            assert {"key": "nvidia.com/gpu", "value": GPU_TAINT_VALUE, "effect": "NoSchedule"} in node["spec"]["taints"]
            time.sleep(2 * EMPTY_SECONDS)
            assert [found["metadata"]["name"] for found in nodes_of(cluster, pool)] == [node["metadata"]["name"]]
        wait_until(lambda: nodes_of(cluster, pool) == [], what="the end of the empty node")


def test_a_rung_that_the_cloud_does_not_have_is_passed_over(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
):
    pool = ladder("next")
    first = pool.ladder.rungs[0].instance_type
    available = {shape.instance_type: shape for shape in pool.shapes if shape.instance_type != first}
    expected = next(rung for rung in pool.ladder.rungs if rung.instance_type != first)
    with (
        running_karpenter(control_plane, cluster, list(available.values())),
        cluster.applied(node_pools(pool)),
        cluster.applied(engine(namespace, pool)),
    ):
        wait_until(lambda: running_pods(cluster, namespace), what="a running engine")
        (node,) = nodes_of(cluster, pool)
        assert shape_of(node) == (expected.instance_type, expected.capacity_type)


def test_no_more_gpus_than_the_pool_may_have(control_plane: ControlPlane, cluster: Cluster, namespace: str):
    pool = ladder("limited")
    documents = node_pools(pool)
    for document in documents[1:]:
        document["spec"]["limits"] = {"nvidia.com/gpu": "1"}
    with (
        running_karpenter(control_plane, cluster, pool.shapes),
        cluster.applied(documents),
        cluster.applied(engine(namespace, pool, replicas=len(pool.ladder.rungs) + 1)),
    ):
        wait_until(lambda: len(running_pods(cluster, namespace)) == len(pool.ladder.rungs), what="all rungs in use")
        time.sleep(5)
        assert len(nodes_of(cluster, pool)) == len(pool.ladder.rungs)
