"""KEDA scales engines by what Prometheus has of gateways and engines: from nothing to several, and back to nothing."""

import time
from collections.abc import Generator

import pytest

from moorage.kubernetes.autoscaler import VllmAutoscaler
from moorage.kubernetes.autoscaler_queries import demand_query

from .cluster import Cluster, Document, wait_until
from .conftest import AddNodes
from .control_plane.control_plane import ControlPlane
from .control_plane.process import free_port
from .engines import NAME, engine, pool_for, rendered
from .exporter import Exporter, running_exporter
from .keda import running_keda
from .prometheus import Prometheus

MODEL = "llama"
MAX_REPLICAS = 4
MAX_NUM_SEQS = 6
"""So that a replica is for four requests."""
QUIET_SECONDS = 8
"""Several of KEDA's looks at Prometheus and of the autoscaler's at KEDA."""


@pytest.fixture(scope="module", autouse=True)
def _keda(control_plane: ControlPlane, cluster: Cluster) -> Generator[None]:
    with running_keda(control_plane, cluster):
        yield


@pytest.fixture(scope="module")
def exporter() -> Generator[Exporter]:
    with running_exporter() as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(control_plane: ControlPlane, exporter: Exporter) -> Prometheus:
    return Prometheus(control_plane.directory, free_port(), exporter.address)


def load(namespace: str, *, demand: int | None = None, waiting: tuple[int, ...] = ()) -> dict[str, float]:
    """What a gateway says is asked for, and what each engine says is waiting in it."""
    engine = f'namespace="{namespace}",model_name="{MODEL}"'
    engines = {f'vllm:num_requests_waiting{{{engine},pod="{pod}"}}': count for pod, count in enumerate(waiting)}
    gateway = f'moorage_gateway_demand_requests{{namespace="{namespace}",model="{MODEL}"}}'
    return {**({} if demand is None else {gateway: demand}), **engines}


def autoscaler(namespace: str, prometheus: Prometheus) -> Document:
    """What `VllmAutoscaler` makes, with its times cut short, so that a test can watch it; all else is as it is."""
    arguments = {
        "namespace": namespace,
        "target": {"api_version": "apps/v1", "kind": "Deployment", "name": NAME},
        "model": MODEL,
        "max_num_seqs": MAX_NUM_SEQS,
        "min_replicas": 0,
        "max_replicas": MAX_REPLICAS,
        "prometheus_url": prometheus.url,
        "gateway_namespace": namespace,
    }
    (document,) = rendered(lambda: VllmAutoscaler(NAME, arguments))
    spec = document["spec"]
    spec |= {"pollingInterval": 1, "cooldownPeriod": 2}
    for direction in spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"].values():
        direction["stabilizationWindowSeconds"] = 0
    return document


@pytest.fixture
def scaled(
    cluster: Cluster, namespace: str, add_nodes: AddNodes, exporter: Exporter, prometheus: Prometheus
) -> Generator[str]:
    """A namespace with an engine that KEDA scales, idle and so down to nothing, and room for all of its replicas."""
    pool = pool_for("scaled")
    add_nodes(MAX_REPLICAS, pool.shapes[0], pool.name)
    exporter.samples = load(namespace, demand=0)
    with prometheus.up(), cluster.applied(engine(namespace, pool, autoscaled=True, replicas=0)):
        # Before that, Prometheus is as good as away.
        wait_until(lambda: prometheus.value(demand_query(MODEL, namespace)) == 0, what="the first scrape")
        with cluster.applied([autoscaler(namespace, prometheus)]):
            become(cluster, namespace, 0)
            yield namespace


def replicas(cluster: Cluster, namespace: str) -> int:
    return cluster.get("apps/v1", "Deployment", NAME, namespace)["spec"]["replicas"]


def stay_at(cluster: Cluster, namespace: str, count: int) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        assert replicas(cluster, namespace) == count
        time.sleep(1)


def become(cluster: Cluster, namespace: str, count: int) -> None:
    wait_until(lambda: replicas(cluster, namespace) == count, what=f"{count} replicas")


def test_from_nothing_to_several_and_back(cluster: Cluster, scaled: str, exporter: Exporter):
    exporter.samples = load(scaled, demand=12)
    become(cluster, scaled, 3)
    pods = wait_until(lambda: len(found := cluster.pods(scaled)) == 3 and found)
    wait_until(lambda: all(pod["status"]["phase"] == "Running" for pod in cluster.pods(scaled)))
    assert len({pod["metadata"]["name"] for pod in pods}) == 3
    exporter.samples = load(scaled, demand=0, waiting=(0, 0, 0))
    become(cluster, scaled, 0)


def test_an_empty_fleet_is_started_by_the_gateways_demand_alone(cluster: Cluster, scaled: str, exporter: Exporter):
    stay_at(cluster, scaled, 0)
    exporter.samples = load(scaled, demand=1)
    become(cluster, scaled, 1)


def test_what_waits_in_engines_asks_for_more_of_them_up_to_the_limit(cluster: Cluster, scaled: str, exporter: Exporter):
    exporter.samples = load(scaled, demand=1)
    become(cluster, scaled, 1)
    exporter.samples = load(scaled, demand=1, waiting=(8,))
    become(cluster, scaled, 2)
    exporter.samples = load(scaled, demand=1, waiting=(100, 100))
    become(cluster, scaled, MAX_REPLICAS)


def test_without_prometheus_engines_stay_and_with_it_they_follow_again(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    exporter.samples = load(scaled, demand=8)
    become(cluster, scaled, 2)
    with prometheus.down():
        exporter.samples = load(scaled, demand=16)
        stay_at(cluster, scaled, 2)
    become(cluster, scaled, 4)


def test_without_prometheus_one_engine_is_up_where_there_was_none(
    cluster: Cluster, scaled: str, prometheus: Prometheus
):
    with prometheus.down():
        become(cluster, scaled, 1)
        stay_at(cluster, scaled, 1)
    become(cluster, scaled, 0)


def test_a_gateway_that_says_nothing_is_no_reason_to_stop_engines(cluster: Cluster, scaled: str, exporter: Exporter):
    exporter.samples = load(scaled, demand=8)
    become(cluster, scaled, 2)
    exporter.samples = load(scaled, waiting=(8,))
    time.sleep(1)
    stay_at(cluster, scaled, 2)
