"""What an engine in a cluster makes, and what it tells gateways and autoscalers."""

import json

import pulumi
import pytest

from moorage.kubernetes.gateway import KubernetesGateway
from moorage.kubernetes.model_cache import ModelCache
from moorage.kubernetes.placement import gpu_pool_placement
from moorage.kubernetes.vllm import VllmDeployment
from moorage.spec import SpecError

from .examples import component
from .recording import run_program, value_of

NODES = {"pipeline_parallel_size": 2}


def test_it_makes_a_deployment_a_service_and_a_disruption_budget():
    _, recording = run_program(component(VllmDeployment, "engine"))
    children = {child.type.rpartition(":")[2] for child in recording.registrations if child.parent}
    assert {"Deployment", "Service", "PodDisruptionBudget"} <= children
    for suffix in ("Deployment", "Service", "PodDisruptionBudget"):
        metadata = recording.the(suffix).inputs["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("engine", "harbour")
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "moorage"


def test_several_nodes_make_a_leader_worker_set_instead():
    _, recording = run_program(component(VllmDeployment, "engine", **NODES))
    assert recording.of_type("Deployment") == []
    made = recording.the("LeaderWorkerSet")
    assert made.type == "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
    assert made.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Available"


def test_a_gateway_finds_every_ready_pod_behind_the_services_name():
    engine, _ = run_program(component(VllmDeployment, "engine"))
    assert value_of(engine.upstream) == {
        "name": "engine",
        "kind": "openai-http",
        "address": "http://engine.harbour.svc:8000",
        "discovery": "dns",
        "model": "harbour",
        "revision": "v1",
        "max_concurrent_requests": 256,
    }


def test_a_gateway_holds_requests_for_one_that_scales_to_zero():
    engine, _ = run_program(component(VllmDeployment, "engine", replicas=0, autoscaled=True))
    assert value_of(engine.upstream)["activation"] == {}


@pytest.mark.parametrize(
    ("changes", "api_version", "kind"),
    [({}, "apps/v1", "Deployment"), (NODES, "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")],
)
def test_an_autoscaler_is_told_what_to_scale(changes: dict[str, object], api_version: str, kind: str):
    engine, _ = run_program(component(VllmDeployment, "engine", **changes))
    assert value_of(engine.scale_target) == {"api_version": api_version, "kind": kind, "name": "engine"}


def test_an_engine_behind_a_gateway_gives_a_valid_document():
    def program() -> None:
        engine = component(VllmDeployment, "engine")()
        component(KubernetesGateway, "gateway", upstreams=[engine.upstream])()

    _, recording = run_program(program)
    document = recording.the("ConfigMap").inputs["data"]["gateway.json"]
    assert json.loads(document)["upstreams"][0]["discovery"] == "dns"


def test_a_cache_for_large_weights_is_one_volume_that_all_engines_mount():
    def program() -> None:
        cache = component(ModelCache, "models")()
        component(VllmDeployment, "engine", model_cache=cache.volume)()

    _, recording = run_program(program)
    claim = recording.the("PersistentVolumeClaim").inputs["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    assert claim["resources"] == {"requests": {"storage": "281Gi"}}
    volumes = recording.the("Deployment").inputs["spec"]["template"]["spec"]["volumes"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "models"}} in volumes


@pytest.mark.parametrize("changes", [{"weights_gib": 10.0}, {"storage_class_name": ...}])
def test_a_cache_for_small_weights_or_without_a_class_is_each_nodes_own(changes: dict[str, object]):
    cache, recording = run_program(component(ModelCache, "models", **changes))
    assert recording.of_type("PersistentVolumeClaim") == []
    assert list(value_of(cache.volume)) == ["emptyDir"]


def test_a_drain_that_the_notice_cuts_short_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    placement = gpu_pool_placement("l4", "elastic", termination_notice_seconds=15)
    run_program(component(VllmDeployment, "engine", placement=placement))
    (warning,) = warnings
    assert warning.startswith("the nodes are taken away after 15 seconds: requests have 10 of the 30 seconds")


def test_what_cannot_be_served_is_refused_before_anything_is_made():
    with pytest.raises(SpecError, match="tensor_parallel_size = 3"):
        run_program(component(VllmDeployment, "engine", tensor_parallel_size=3), preview=True)
