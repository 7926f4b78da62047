"""KEDA scales engines by what Prometheus has of gateways and engines: from nothing to several, and back to nothing."""

import time
from collections.abc import Generator

import pytest

from .cluster import Cluster, Document, wait_until
from .conftest import AddNodes
from .control_plane.control_plane import ControlPlane
from .control_plane.process import free_port
from .engines import NAME, engine, pool_for
from .exporter import Exporter, running_exporter
from .keda import running_keda
from .prometheus import Prometheus

MODEL = "llama"
MAX_REPLICAS = 4
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


def load(*, demand: int | None = None, waiting: tuple[int, ...] = ()) -> dict[str, float]:
    """What a gateway says is asked for, and what each engine says is waiting in it."""
    engines = {f'vllm:num_requests_waiting{{model_name="{MODEL}",pod="{pod}"}}': n for pod, n in enumerate(waiting)}
    gateway = {} if demand is None else {f'moorage_gateway_demand_requests{{model="{MODEL}"}}': demand}
    return {**gateway, **engines}


def scaled_object(namespace: str, prometheus: Prometheus) -> Document:
    """Quicker than anybody would want it, so that a test can watch it."""
    queries = {
        f'sum(moorage_gateway_demand_requests{{model="{MODEL}"}})': "false",
        # While no engine runs, none exports anything, which is no error.
        f'sum(vllm:num_requests_waiting{{model_name="{MODEL}"}}) or vector(0)': "true",
    }
    triggers = [
        {
            "type": "prometheus",
            "metricType": "AverageValue",
            "metadata": {
                "serverAddress": prometheus.url,
                "query": query,
                "threshold": "4",
                "ignoreNullValues": ignored,
            },
        }
        for query, ignored in queries.items()
    ]
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "pollingInterval": 1,
            "cooldownPeriod": 2,
            "minReplicaCount": 0,
            "maxReplicaCount": MAX_REPLICAS,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": triggers,
        },
    }


@pytest.fixture
def scaled(cluster: Cluster, namespace: str, add_nodes: AddNodes, prometheus: Prometheus) -> Generator[str]:
    """A namespace with an engine that KEDA scales, room for all of its replicas, and none so far."""
    pool = pool_for("scaled")
    add_nodes(MAX_REPLICAS, pool.shapes[0], pool.name)
    engines = engine(namespace, pool, autoscaled=True, replicas=0)
    with cluster.applied([*engines, scaled_object(namespace, prometheus)]):
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


def test_from_nothing_to_several_and_back(cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus):
    exporter.samples = load(demand=0)
    with prometheus.up():
        become(cluster, scaled, 0)
        exporter.samples = load(demand=12)
        become(cluster, scaled, 3)
        pods = wait_until(lambda: len(found := cluster.pods(scaled)) == 3 and found)
        wait_until(lambda: all(pod["status"]["phase"] == "Running" for pod in cluster.pods(scaled)))
        assert len({pod["metadata"]["name"] for pod in pods}) == 3
        exporter.samples = load(demand=0, waiting=(0, 0, 0))
        become(cluster, scaled, 0)


def test_an_empty_fleet_is_started_by_the_gateways_demand_alone(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    exporter.samples = load(demand=0)
    with prometheus.up():
        become(cluster, scaled, 0)
        stay_at(cluster, scaled, 0)
        exporter.samples = load(demand=1)
        become(cluster, scaled, 1)


def test_what_waits_in_engines_asks_for_more_of_them_up_to_the_limit(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    exporter.samples = load(demand=1)
    with prometheus.up():
        become(cluster, scaled, 1)
        exporter.samples = load(demand=1, waiting=(8,))
        become(cluster, scaled, 2)
        exporter.samples = load(demand=1, waiting=(100, 100))
        become(cluster, scaled, MAX_REPLICAS)


def test_without_prometheus_nothing_changes_until_it_is_back(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    exporter.samples = load(demand=8)
    with prometheus.up():
        become(cluster, scaled, 2)
    exporter.samples = load(demand=16)
    stay_at(cluster, scaled, 2)
    with prometheus.up():
        become(cluster, scaled, 4)
        exporter.samples = load(demand=0)
        become(cluster, scaled, 0)
    exporter.samples = load(demand=8)
    stay_at(cluster, scaled, 0)
    with prometheus.up():
        become(cluster, scaled, 2)


def test_a_gateway_that_says_nothing_is_no_reason_to_stop_engines(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    exporter.samples = load(demand=8)
    with prometheus.up():
        become(cluster, scaled, 2)
        exporter.samples = load(waiting=(8,))
        time.sleep(1)
        stay_at(cluster, scaled, 2)
