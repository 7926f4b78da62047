"""A new revision replaces the engines' pods: with a node more where the pool can have one, without where it cannot."""

import time
from collections.abc import Iterator

from .cluster import POLL_SECONDS, WAIT_SECONDS, Cluster, Document, wait_until
from .conftest import AddNodes
from .engines import NAME, SELECTOR, engine, pool_for

REPLICAS = 2


def is_done(cluster: Cluster, namespace: str, generation: int) -> bool:
    status = cluster.get("apps/v1", "Deployment", NAME, namespace).get("status", {})
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= generation and counts == [REPLICAS] * 3


def roll_out(cluster: Cluster, documents: list[Document]) -> int:
    """Applies them; the deployment's generation."""
    applied = [cluster.apply(document) for document in documents]
    (deployment,) = [document for document in applied if document["kind"] == "Deployment"]
    return deployment["metadata"]["generation"]


def watched(cluster: Cluster, namespace: str, generation: int) -> Iterator[tuple[int, int]]:
    """Pods that exist, and pods that are ready, as often as they can be looked at until the rollout is done."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_done(cluster, namespace, generation):
        assert time.monotonic() < deadline, cluster.get("apps/v1", "Deployment", NAME, namespace)["status"]
        pods = cluster.pods(namespace, selector=SELECTOR)
        ready = [
            pod
            for pod in pods
            for condition in pod["status"].get("conditions", [])
            if (condition["type"], condition["status"]) == ("Ready", "True")
        ]
        yield len(pods), len(ready)
        time.sleep(POLL_SECONDS / 10)


def revisions(cluster: Cluster, namespace: str) -> list[str]:
    pods = cluster.pods(namespace, selector=SELECTOR)
    return [pod["metadata"]["annotations"]["moorage.dev/revision"] for pod in pods]


def test_on_an_elastic_pool_the_new_pod_is_ready_before_an_old_one_goes(
    cluster: Cluster, namespace: str, add_nodes: AddNodes
):
    pool = pool_for("elastic")
    add_nodes(REPLICAS + 1, pool.shapes[0], pool.name)
    with cluster.applied(engine(namespace, pool, replicas=REPLICAS)):
        wait_until(lambda: is_done(cluster, namespace, 1), what="the first rollout")
        generation = roll_out(cluster, engine(namespace, pool, replicas=REPLICAS, revision="v2"))
        seen = list(watched(cluster, namespace, generation))
        assert max(pods for pods, _ in seen) <= REPLICAS + 1
        assert min(ready for _, ready in seen) >= REPLICAS
        assert revisions(cluster, namespace) == ["v2"] * REPLICAS


def test_on_a_fixed_pool_an_old_pod_makes_room_first(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    pool = pool_for("fixed")
    add_nodes(REPLICAS, pool.shapes[0], pool.name)
    with cluster.applied(engine(namespace, pool, kind="fixed", replicas=REPLICAS)):
        wait_until(lambda: is_done(cluster, namespace, 1), what="the first rollout")
        second = engine(namespace, pool, kind="fixed", replicas=REPLICAS, revision="v2")
        generation = roll_out(cluster, second)
        seen = list(watched(cluster, namespace, generation))
        assert max(pods for pods, _ in seen) == REPLICAS
        assert min(ready for _, ready in seen) >= REPLICAS - 1
        assert revisions(cluster, namespace) == ["v2"] * REPLICAS


def test_on_a_full_pool_a_rollout_with_surge_never_takes_a_replica_away(
    cluster: Cluster, namespace: str, add_nodes: AddNodes
):
    pool = pool_for("full")
    add_nodes(REPLICAS, pool.shapes[0], pool.name)
    with cluster.applied(engine(namespace, pool, replicas=REPLICAS)):
        wait_until(lambda: is_done(cluster, namespace, 1), what="the first rollout")
        roll_out(cluster, engine(namespace, pool, replicas=REPLICAS, revision="v2"))
        wait_until(lambda: sorted(revisions(cluster, namespace)) == ["v1"] * REPLICAS + ["v2"], what="the surge")
        time.sleep(5)  # longer than any rollout here has taken
        assert sorted(revisions(cluster, namespace)) == ["v1"] * REPLICAS + ["v2"]
