"""KEDA scales engines by what Prometheus has of gateways and engines: from nothing to several, and back to nothing."""

import time
from collections.abc import Generator, Sequence
from typing import NamedTuple

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
from .replay import model_of, replay

MODEL = "llama"
MAX_REPLICAS = 4
MAX_NUM_SEQS = 8
"""So that a replica is for four requests."""
QUIET_SECONDS = 5
"""Several of KEDA's looks at Prometheus and of the autoscaler's at KEDA: each looks every second."""


class EngineLoad(NamedTuple):
    """What an engine exports."""

    running: int = 0
    waiting: int = 0
    kv_cache_usage: float = 0.0


ONE = {"type": "Pods", "value": 1}
REPLAYED = ((3, 0), (8, 1), (10, 16), (10, 8), (22, 4), (11, 0))
"""For how many seconds how many requests: from nothing up to the limit, down, and to nothing. Two engines go at once,
because others have come within the policy's period, and the next one when it is over."""
REPLAY_TOLERANCE_SECONDS = 4
"""Prometheus, KEDA and the autoscaler look every second each, whenever they happened to begin."""
BUSY = EngineLoad(running=4, kv_cache_usage=0.5)


@pytest.fixture(scope="module", autouse=True)
def _keda(control_plane: ControlPlane, cluster: Cluster) -> Generator[None]:
    with running_keda(control_plane, cluster):
        yield


@pytest.fixture(scope="module")
def exporter() -> Generator[Exporter]:
    with running_exporter() as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(control_plane: ControlPlane, exporter: Exporter) -> Generator[Prometheus]:
    running = Prometheus(control_plane.directory, free_port(), exporter.address)
    with running.up():
        yield running


def load(namespace: str, *, demand: int | None = None, engines: Sequence[EngineLoad] = ()) -> dict[str, float]:
    """What a gateway says is asked for, and what each engine that answers says of itself."""
    gateway = f'moorage_gateway_demand_requests{{namespace="{namespace}",model="{MODEL}"}}'
    exported = {} if demand is None else {gateway: float(demand)}
    for pod, engine_load in enumerate(engines):
        labels = f'namespace="{namespace}",model_name="{MODEL}",pod="{pod}"'
        exported |= {
            f"vllm:num_requests_running{{{labels}}}": engine_load.running,
            f"vllm:num_requests_waiting{{{labels}}}": engine_load.waiting,
            f"vllm:kv_cache_usage_perc{{{labels}}}": engine_load.kv_cache_usage,
        }
    return exported


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
    for direction in behavior_of(document).values():
        direction["stabilizationWindowSeconds"] = 0
    return document


def behavior_of(scaled_object: Document) -> Document:
    return scaled_object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


@pytest.fixture
def scaled(
    cluster: Cluster, namespace: str, add_nodes: AddNodes, exporter: Exporter, prometheus: Prometheus
) -> Generator[str]:
    """A namespace with an engine that KEDA scales, idle and so down to nothing, and room for all of its replicas."""
    pool = pool_for("scaled")
    add_nodes(MAX_REPLICAS, pool.shapes[0], pool.name)
    exporter.samples = load(namespace, demand=0)
    with cluster.applied(engine(namespace, pool, autoscaled=True, replicas=0)):
        # Before that, Prometheus is as good as away.
        wait_until(lambda: prometheus.value(demand_query(MODEL, namespace)) == 0, what="the first scrape")
        with cluster.applied([autoscaler(namespace, prometheus)]):
            become(cluster, namespace, 0)
            yield namespace


def replicas(cluster: Cluster, namespace: str) -> int:
    return cluster.get("apps/v1", "Deployment", NAME, namespace)["spec"]["replicas"]


def ready_replicas(cluster: Cluster, namespace: str) -> int:
    return cluster.get("apps/v1", "Deployment", NAME, namespace)["status"].get("readyReplicas", 0)


def not_ready(pod: Document) -> Document:
    """The pod, as its kubelet would say of one whose probe fails."""
    status = {"conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]}
    names = {key: pod["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": names, "status": status}


def stay_at(cluster: Cluster, namespace: str, count: int) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        assert replicas(cluster, namespace) == count
        time.sleep(1)


def become(cluster: Cluster, namespace: str, count: int) -> None:
    wait_until(lambda: replicas(cluster, namespace) == count, what=f"{count} replicas")


def wait_until_ready(cluster: Cluster, namespace: str, count: int) -> list[Document]:
    def ready() -> list[Document]:
        return [pod for pod in cluster.pods(namespace) if pod["status"].get("podIP")]

    return wait_until(lambda: len(found := ready()) == count and found, what=f"{count} engines that run")


def test_from_nothing_to_several_and_back(cluster: Cluster, scaled: str, exporter: Exporter):
    exporter.samples = load(scaled, demand=12)
    become(cluster, scaled, 3)
    assert len({pod["metadata"]["name"] for pod in wait_until_ready(cluster, scaled, 3)}) == 3
    exporter.samples = load(scaled, demand=0, engines=[EngineLoad()] * 3)
    become(cluster, scaled, 0)


def test_an_empty_fleet_is_started_by_the_gateways_demand_alone(cluster: Cluster, scaled: str, exporter: Exporter):
    stay_at(cluster, scaled, 0)
    exporter.samples = load(scaled, demand=1)
    become(cluster, scaled, 1)


def test_what_runs_and_waits_in_engines_asks_for_more_of_them_up_to_the_limit(
    cluster: Cluster, scaled: str, exporter: Exporter
):
    exporter.samples = load(scaled, demand=1)
    become(cluster, scaled, 1)
    exporter.samples = load(scaled, demand=1, engines=[EngineLoad(running=4, waiting=4)])
    become(cluster, scaled, 2)
    exporter.samples = load(scaled, demand=1, engines=[EngineLoad(running=4, waiting=100)] * 2)
    become(cluster, scaled, MAX_REPLICAS)


def test_an_engine_whose_memory_is_full_asks_for_another_though_it_runs_few_requests(
    cluster: Cluster, scaled: str, exporter: Exporter
):
    exporter.samples = load(scaled, demand=1)
    become(cluster, scaled, 1)
    exporter.samples = load(scaled, demand=2, engines=[EngineLoad(running=2, kv_cache_usage=1.0)])
    become(cluster, scaled, 2)
    exporter.samples = load(scaled, demand=4, engines=[EngineLoad(running=2, waiting=2, kv_cache_usage=1.0)])
    become(cluster, scaled, 3)


def test_an_engine_that_is_down_takes_none_with_it_and_is_made_up_for_once(
    cluster: Cluster, scaled: str, exporter: Exporter
):
    exporter.samples = load(scaled, demand=8, engines=[BUSY, BUSY])
    become(cluster, scaled, 2)
    lost, _ = wait_until_ready(cluster, scaled, 2)
    cluster.patch_status(not_ready(lost))
    wait_until(lambda: ready_replicas(cluster, scaled) == 1, what="one engine that is down")
    # Nobody answers Prometheus there, and the other one has all the requests.
    exporter.samples = load(scaled, demand=8, engines=[EngineLoad(running=6, waiting=2, kv_cache_usage=0.75)])
    stay_at(cluster, scaled, 2)
    exporter.samples = load(scaled, demand=8, engines=[EngineLoad(running=4, waiting=4, kv_cache_usage=1.0)])
    become(cluster, scaled, 3)
    stay_at(cluster, scaled, 3)


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
    exporter.samples = load(scaled, engines=[EngineLoad(running=4, waiting=4)])
    time.sleep(1)
    stay_at(cluster, scaled, 2)


def test_the_simulated_days_scale_as_the_real_controllers_do(
    cluster: Cluster, scaled: str, exporter: Exporter, prometheus: Prometheus
):
    document = autoscaler(scaled, prometheus)
    document["spec"]["cooldownPeriod"] = 5
    behavior = behavior_of(document)
    behavior["scaleUp"] |= {"stabilizationWindowSeconds": 3, "policies": [{**ONE, "value": 2, "periodSeconds": 4}]}
    behavior["scaleDown"] |= {"stabilizationWindowSeconds": 6, "policies": [{**ONE, "periodSeconds": 20}]}
    steps = [(seconds, load(scaled, demand=demand)) for seconds, demand in REPLAYED]
    cluster.apply(document)
    time.sleep(QUIET_SECONDS)
    real = replay(steps, exporter, lambda: replicas(cluster, scaled))
    modelled = model_of(document["spec"], steps)
    assert [count for _, count in real] == [count for _, count in modelled]
    late = [real_at - at for (real_at, _), (at, _) in zip(real, modelled, strict=True)]
    assert all(abs(seconds) <= REPLAY_TOLERANCE_SECONDS for seconds in late), (real, modelled)
