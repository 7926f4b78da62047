"""A node that is drained takes no more engines away than the disruption budget allows."""

from .cluster import Cluster, Document, wait_until
from .conftest import AddNodes
from .engines import NAME, SELECTOR, engine, pool_for

REPLICAS = 2


def budget(cluster: Cluster, namespace: str) -> Document:
    return cluster.get("policy/v1", "PodDisruptionBudget", NAME, namespace).get("status", {})


def running(cluster: Cluster, namespace: str) -> dict[str, Document]:
    """Running pods by their nodes."""
    pods = cluster.pods(namespace, selector=SELECTOR)
    return {pod["spec"]["nodeName"]: pod for pod in pods if pod["status"]["phase"] == "Running"}


def cordon(cluster: Cluster, node: str) -> None:
    cluster.patch({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": {"unschedulable": True}})


def test_a_second_node_is_only_drained_when_the_first_ones_engine_runs_again(
    cluster: Cluster, namespace: str, add_nodes: AddNodes
):
    pool = pool_for("drained")
    first, second = add_nodes(REPLICAS, pool.shapes[0], pool.name)
    with cluster.applied(engine(namespace, pool, replicas=REPLICAS)):
        wait_until(lambda: budget(cluster, namespace).get("currentHealthy") == REPLICAS, what="two healthy engines")
        pods = running(cluster, namespace)
        for node in (first, second):
            cordon(cluster, node)

        assert cluster.evict(pods[first])
        wait_until(lambda: budget(cluster, namespace).get("currentHealthy") == REPLICAS - 1, what="the eviction")
        assert not cluster.evict(pods[second])
        assert set(running(cluster, namespace)) == {second}

        (third,) = add_nodes(1, pool.shapes[0], pool.name)
        wait_until(lambda: budget(cluster, namespace).get("currentHealthy") == REPLICAS, what="the replacement")
        assert set(running(cluster, namespace)) == {second, third}
        assert cluster.evict(pods[second])
