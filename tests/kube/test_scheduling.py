"""The scheduler puts engine pods on the nodes that the planner has chosen for them, and on no others."""

import dataclasses

import pytest

from moorage.planner.gpu_catalog import Cloud
from moorage.spec import ModelFacts
from tests.model_facts import LLAMA_8B, LLAMA_70B, LLAMA_405B, QWEN_05B

from .cluster import Cluster, Document, wait_until
from .conftest import AddNodes
from .engines import REGIONS, SELECTOR, Pool, engine, pool_for
from .nodes import instance


def scheduled(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Pods that have a node, and which."""
    pods = cluster.pods(namespace, selector=SELECTOR)
    return {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in pods if "nodeName" in pod["spec"]}


def why_unschedulable(cluster: Cluster, namespace: str) -> str:
    """What the scheduler says of a pod that it has tried; empty where there is none."""
    conditions = [
        condition
        for pod in cluster.pods(namespace, selector=SELECTOR)
        for condition in pod["status"].get("conditions", [])
        if (condition["type"], condition["status"]) == ("PodScheduled", "False")
    ]
    return conditions[0].get("message", "") if conditions else ""


def engine_pod(namespace: str, pool: Pool) -> Document:
    """The one of the deployment, by itself; named as its pool."""
    (template,) = [found["spec"]["template"] for found in engine(namespace, pool) if found["kind"] == "Deployment"]
    metadata = {**template["metadata"], "name": pool.name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
@pytest.mark.parametrize("facts", [QWEN_05B, LLAMA_8B, LLAMA_70B, LLAMA_405B], ids=["0.5B", "8B", "70B", "405B"])
def test_a_pod_fits_on_a_node_of_every_rung(
    cluster: Cluster, namespace: str, add_nodes: AddNodes, facts: ModelFacts, cloud: Cloud
):
    ladder = pool_for("ladder", facts, cloud)
    pools = [dataclasses.replace(ladder, name=f"rung-{index}") for index in range(len(ladder.shapes))]
    nodes = [add_nodes(1, shape, pool.name)[0] for pool, shape in zip(pools, ladder.shapes, strict=True)]
    with cluster.applied([engine_pod(namespace, pool) for pool in pools]):
        expected = {pool.name: node for pool, node in zip(pools, nodes, strict=True)}
        found = wait_until(lambda: (found := scheduled(cluster, namespace)) == expected and found, what="scheduling")
        assert len(found) == len(ladder.shapes) > 0


def test_a_pod_too_big_for_the_pool_is_not_scheduled(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    add_nodes(2, instance("aws", REGIONS["aws"], "g6.2xlarge"), "small")
    with cluster.applied(engine(namespace, pool_for("small", LLAMA_70B))):
        message = wait_until(lambda: why_unschedulable(cluster, namespace), what="a refusal")
        assert "2 Insufficient nvidia.com/gpu" in message
        assert scheduled(cluster, namespace) == {}


def test_a_pod_goes_to_no_other_pool(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    pool = pool_for("wanted")
    add_nodes(1, pool.shapes[0], "other")
    with cluster.applied(engine(namespace, pool)):
        message = wait_until(lambda: why_unschedulable(cluster, namespace), what="a refusal")
        assert "didn't match Pod's node affinity/selector" in message
        (node,) = add_nodes(1, pool.shapes[0], pool.name)
        wait_until(lambda: set(scheduled(cluster, namespace).values()) == {node}, what="scheduling")


def test_pods_without_gpus_keep_off_the_pool(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    add_nodes(1, pool_for("gpus").shapes[0], "gpus")
    pod = engine_pod(namespace, pool_for("gpus"))
    del pod["spec"]["tolerations"]
    with cluster.applied([pod]):
        message = wait_until(lambda: why_unschedulable(cluster, namespace), what="a refusal")
        assert "untolerated taint" in message


def test_two_replicas_are_on_two_nodes_where_both_have_room(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    pool = pool_for("wide", instance_types=["g6.12xlarge"])
    nodes = add_nodes(2, pool.shapes[0], pool.name)
    with cluster.applied(engine(namespace, pool, replicas=2)):
        wait_until(lambda: sorted(scheduled(cluster, namespace).values()) == nodes, what="spreading")
