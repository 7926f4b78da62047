"""The pod of an engine, and what of its arguments cannot be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.kubernetes_pods import assert_restricted
from tests.model_facts import LLAMA_8B, LLAMA_70B, LLAMA_405B

from moorage.engine import DrainBudget
from moorage.kubernetes.placement import gpu_pool_placement
from moorage.kubernetes.vllm_objects import VllmObjects
from moorage.kubernetes.vllm_pod import VllmPodParts, pod_template
from moorage.kubernetes.vllm_spec import VllmSpec
from moorage.spec import SpecError, parse

IMAGE = "vllm/vllm-openai@sha256:" + "0123456789abcdef" * 4
HUB = {"source": "hf://meta-llama/Llama-3.1-8B@v1", "served_name": "meta-llama/Llama-3.1-8B", "max_model_len": 8192}
BUCKET = {"source": "s3://harbour-models/llama", "max_model_len": 8192}
ARGUMENTS: dict[str, object] = {
    "image": IMAGE,
    "model": HUB,
    "revision": "v1",
    "placement": gpu_pool_placement("l4", "elastic"),
}


def spec_of(**changes: object) -> VllmSpec:
    spec = parse(VllmSpec, {key: value for key, value in {**ARGUMENTS, **changes}.items() if value is not ...}, "")
    spec.check()
    return spec


def problems_of(**changes: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        spec_of(**changes)
    return str(raised.value).splitlines()


def pod_of(parts: VllmPodParts | None = None, role: Any = None, **changes: object) -> dict[str, Any]:
    return pod_template("engine", spec_of(**changes), parts or VllmPodParts(), role)["spec"]


def engine_of(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return container


def variables_of(pod: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") or each["valueFrom"] for each in engine_of(pod)["env"]}


def objects(**changes: object) -> VllmObjects:
    return VllmObjects("engine", "harbour", spec_of(**changes), VllmPodParts())


@pytest.mark.parametrize("role", [None, "leader", "worker"])
@pytest.mark.parametrize("model", [HUB, {**BUCKET, "lora_adapters": {"a": "s3://harbour-models/a"}}])
def test_it_is_admitted_where_pods_may_do_least(model: dict[str, object], role: str | None):
    assert_restricted(pod_of(model=model, role=role))


def test_it_runs_on_its_pool_alone_and_takes_the_gpus_it_is_split_over():
    pod = pod_of(tensor_parallel_size=4)
    assert pod["nodeSelector"] == {"moorage.dev/gpu-pool": "l4"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    resources = engine_of(pod)["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "4"
    assert "cpu" not in resources["limits"]


@pytest.mark.parametrize(("size", "shared", "memory"), [(1, "2Gi", "15Gi"), (4, "20Gi", "48Gi")])
def test_shared_memory_is_bounded_and_counted_in_the_memory_limit(size: int, shared: str, memory: str):
    pod = pod_of(tensor_parallel_size=size)
    (volume,) = [each for each in pod["volumes"] if each["name"] == "shared-memory"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": shared}
    assert engine_of(pod)["resources"]["limits"]["memory"] == memory


def test_everything_that_is_written_has_a_volume():
    pod = pod_of()
    folders = {mount["mountPath"] for mount in engine_of(pod)["volumeMounts"]}
    written = {name: value for name, value in variables_of(pod).items() if str(value).startswith("/")}
    assert {"HF_HOME", "HOME", "TRITON_CACHE_DIR", "XDG_CACHE_HOME"} <= set(written)
    for path in written.values():
        assert any(path == folder or path.startswith(f"{folder}/") for folder in folders)
    assert {mount["name"] for mount in engine_of(pod)["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


def test_the_disk_it_asks_for_holds_all_it_may_write():
    pod = pod_of(facts=LLAMA_8B)
    sizes = [int(each["emptyDir"]["sizeLimit"][:-2]) for each in pod["volumes"] if "medium" not in each["emptyDir"]]
    assert int(engine_of(pod)["resources"]["limits"]["ephemeral-storage"][:-2]) > sum(sizes) >= 15 + 10


def test_probes_give_it_its_time_to_load():
    engine = engine_of(pod_of(facts=LLAMA_70B, tensor_parallel_size=8))
    startup = engine["startupProbe"]
    assert startup["httpGet"] == {"path": "/health", "port": "http"}
    assert startup["periodSeconds"] * startup["failureThreshold"] == pytest.approx(1965, abs=5)
    assert "initialDelaySeconds" not in startup
    liveness = engine["livenessProbe"]
    assert (liveness["periodSeconds"], liveness["failureThreshold"]) == (10, 6)
    readiness = engine["readinessProbe"]
    assert (readiness["periodSeconds"], readiness["failureThreshold"]) == (3, 2)


def test_a_stopped_pod_drains_within_its_grace():
    pod = pod_of()
    assert engine_of(pod)["lifecycle"] == {"preStop": {"sleep": {"seconds": 15}}}
    arguments = engine_of(pod)["args"]
    assert arguments[arguments.index("--shutdown-timeout") + 1] == "45"
    assert pod["terminationGracePeriodSeconds"] == 75


@pytest.mark.parametrize(
    ("notice", "p99", "drain"),
    [(15, 45, DrainBudget(3, 10, 15)), (120, 45, DrainBudget(15, 45, 75)), (120, 300, DrainBudget(15, 90, 120))],
    ids=["Google's spot", "AWS's spot", "AWS's spot with long answers"],
)
def test_a_pod_whose_node_is_taken_away_drains_within_the_notice(notice: int, p99: float, drain: DrainBudget):
    placement = gpu_pool_placement("l4", "elastic", termination_notice_seconds=notice)
    spec = spec_of(placement=placement, service_level={"p99_request_seconds": p99})
    assert spec.drain == drain


def test_a_node_with_a_busy_engine_is_left_alone():
    metadata = pod_template("engine", spec_of(), VllmPodParts())["metadata"]
    assert metadata["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
    assert metadata["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_its_model_is_a_label_and_its_revision_a_reason_to_roll():
    metadata = pod_template("engine", spec_of(), VllmPodParts())["metadata"]
    assert metadata["labels"]["moorage.dev/model"].startswith("meta-llama-Llama-3.1-8B-")
    assert metadata["annotations"]["moorage.dev/revision"] == "v1"


def test_zones_and_nodes_are_wished_for_and_never_required():
    constraints = pod_of()["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {each["whenUnsatisfiable"] for each in constraints} == {"ScheduleAnyway"}


def test_a_token_of_the_hub_comes_from_a_secret_and_is_in_no_argument():
    pod = pod_of(VllmPodParts(hugging_face_token={"name": "hugging-face", "key": "token"}))
    assert variables_of(pod)["HF_TOKEN"] == {"secretKeyRef": {"name": "hugging-face", "key": "token"}}
    assert "HF_HUB_OFFLINE" not in variables_of(pod)


def test_weights_of_a_bucket_are_streamed_by_the_pods_own_identity():
    pod = pod_of(VllmPodParts(service_account_name="engine"), model=BUCKET, facts=LLAMA_8B)
    arguments = engine_of(pod)["args"]
    assert arguments[arguments.index("--load-format") + 1] == "runai_streamer"
    assert json.loads(arguments[arguments.index("--model-loader-extra-config") + 1])["concurrency"] == 32
    assert pod["serviceAccountName"] == "engine"
    assert variables_of(pod)["HF_HUB_OFFLINE"] == "1"
    (models,) = [each for each in pod["volumes"] if each["name"] == "models"]
    assert models["emptyDir"] == {"sizeLimit": "1Gi"}


def test_adapters_of_a_bucket_are_copied_before_vllm_starts():
    adapters = {"pilot/de": "gs://harbour-models/pilot-de", "pilot/fr": "hf://harbour/pilot-fr"}
    pod = pod_of(model={**BUCKET, "lora_adapters": adapters}, lora_rank=32)
    (copying,) = pod["initContainers"]
    assert copying["args"] == ["gs://harbour-models/pilot-de", "/adapters/0"]
    arguments = engine_of(pod)["args"]
    start = arguments.index("--lora-modules")
    assert arguments[start + 1 : start + 3] == ["pilot/de=/adapters/0", "pilot/fr=harbour/pilot-fr"]


def test_the_adapters_are_pulled_as_vllm_pulls_a_buckets_files(tmp_path: Path):
    """By the program that the pod runs, with a streamer that notes what it is asked for."""
    streamer = "def pull_files(*given):\n    print(*given)\n"
    (tmp_path / "runai_model_streamer.py").write_text(streamer)
    pod = pod_of(model={**BUCKET, "lora_adapters": {"a": "s3://harbour-models/a"}})
    (copying,) = pod["initContainers"]
    folder = tmp_path / "0"
    command = [sys.executable, *copying["command"][1:], copying["args"][0], str(folder)]
    asked = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True)
    assert asked.stdout.split() == ["s3://harbour-models/a/", str(folder), "None", "None"]
    assert folder.is_dir()


def test_the_engine_runs_as_many_requests_as_the_gateway_is_told():
    arguments = engine_of(pod_of(load={"concurrent_requests": 400}))["args"]
    assert arguments[arguments.index("--max-num-seqs") + 1] == "400"


@pytest.mark.parametrize(
    ("placement", "replicas", "expected"),
    [("elastic", 1, (1, 0)), ("elastic", 3, (1, 0)), ("fixed", 2, (0, 1))],
)
def test_a_rollout_surges_where_a_node_more_can_be_had(placement: Any, replicas: int, expected: tuple[int, int]):
    deployment = objects(placement=gpu_pool_placement("l4", placement), replicas=replicas).deployment()["spec"]
    rolling = deployment["strategy"]["rollingUpdate"]
    assert (rolling["maxSurge"], rolling["maxUnavailable"]) == expected
    assert deployment["replicas"] == replicas


def test_a_rollout_is_given_up_only_after_a_pod_could_have_been_ready():
    made = objects(facts=LLAMA_70B, tensor_parallel_size=8, replicas=3)
    deployment, startup = made.deployment(), made.spec.startup_seconds
    deadline = deployment["spec"]["progressDeadlineSeconds"]
    assert deadline > startup
    assert int(deployment["metadata"]["annotations"]["pulumi.com/timeoutSeconds"]) == 3 * deadline


def test_replicas_are_left_to_the_autoscaler_where_there_is_one():
    assert "replicas" not in objects(autoscaled=True, replicas=2).deployment()["spec"]


def test_the_service_stands_for_the_pods_that_are_ready():
    service = objects().service()["spec"]
    assert service["clusterIP"] == "None"
    assert "publishNotReadyAddresses" not in service
    labels = pod_template("engine", spec_of(), VllmPodParts())["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


def test_one_pod_at_a_time_may_be_evicted():
    budget = objects(replicas=2).disruption_budget()["spec"]
    assert budget["maxUnavailable"] == 1


def several_nodes() -> VllmObjects:
    return objects(facts=LLAMA_405B, gpu_memory_gib=79.11, tensor_parallel_size=8, pipeline_parallel_size=2, replicas=2)


def test_a_replica_on_several_nodes_is_one_group_that_starts_and_fails_as_one():
    made = several_nodes()
    assert made.kind == ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
    group = made.leader_worker_set()["spec"]["leaderWorkerTemplate"]
    assert (group["size"], group["restartPolicy"]) == (2, "RecreateGroupOnPodRestart")
    assert made.leader_worker_set()["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]["maxSurge"] == 1
    for role in ("leader", "worker"):
        arguments = engine_of(group[f"{role}Template"]["spec"])["args"]
        assert arguments[arguments.index("--node-rank") + 1] == "$(LWS_WORKER_INDEX)"
        assert arguments[arguments.index("--tensor-parallel-size") + 1] == "8"


def test_of_a_group_the_leader_alone_is_asked_and_balanced_to():
    made = several_nodes()
    group = made.leader_worker_set()["spec"]["leaderWorkerTemplate"]
    worker, leader = (group[f"{role}Template"] for role in ("worker", "leader"))
    assert "--headless" in engine_of(worker["spec"])["args"]
    assert not {"startupProbe", "readinessProbe", "ports"} & set(engine_of(worker["spec"]))
    selector = made.service()["spec"]["selector"]
    assert selector.items() <= leader["metadata"]["labels"].items()
    assert not selector.items() <= worker["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"image": "vllm/vllm-openai:latest"},
            (
                'image = "vllm/vllm-openai:latest": must be an image by its digest: name@sha256: and 64 hexadecimal '
                "digits"
            ),
        ),
        (
            {"placement": gpu_pool_placement("l4", "fixed")},
            (
                "replicas = 1: the one replica is stopped before its successor starts, because the pool has no room "
                "for both; must be at least 2, or set allow_downtime"
            ),
        ),
        (
            {"placement": gpu_pool_placement("l4", "fixed"), "max_surge": 1, "replicas": 2},
            "max_surge = 1: the pool is fixed: no node is free for a pod more; must be 0",
        ),
        (
            {"replicas": 0},
            "replicas = 0: must be at least 1, or autoscaled, so that somebody starts one",
        ),
        (
            {"facts": LLAMA_8B, "tensor_parallel_size": 3},
            (
                "tensor_parallel_size = 3: does not divide the model's 32 attention heads and 8 KV heads evenly; "
                "possible is 1, 2, 4, 8, 16"
            ),
        ),
        ({"lora_rank": 1024}, "lora_rank = 1024: vLLM serves LoRA adapters up to rank 512"),
        (
            {"model": {"source": "models/harbour"}},
            (
                "model.source = models/harbour: the cluster has no such folder; must be hf://, s3:// or gs://, or a "
                "folder inside of the image, with its absolute path"
            ),
        ),
        (
            {"facts": LLAMA_8B, "model": {**HUB, "max_model_len": 200_000}},
            "model.max_model_len = 200000: the model reaches 131072 tokens at most",
        ),
    ],
    ids=["tag", "fixed, one", "fixed, surge", "nobody", "heads", "rank", "folder", "context"],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], problem: str):
    assert problems_of(**changes) == [problem]


def test_a_model_that_does_not_fit_its_gpus_is_refused_with_the_numbers():
    (problem,) = problems_of(facts=LLAMA_70B, gpu_memory_gib=44.34, tensor_parallel_size=2)
    assert problem == (
        "model.source: does not fit: each of 2 GPUs has 40.8 GiB for vLLM (44.3 x 0.92) and would need 71.2 (weights "
        "67.0, KV cache 1.6, engine 2.6); take a quantized model, one with fewer parameters, or more or larger GPUs"
    )


def test_a_fixed_pool_may_have_one_replica_where_downtime_is_allowed():
    spec = spec_of(placement=gpu_pool_placement("l4", "fixed"), allow_downtime=True)
    assert spec.surge == 0


def test_everything_wrong_is_reported_at_once():
    assert len(problems_of(model={"source": "here", "chat_template": "x.jinja"}, replicas=0, lora_rank=1000)) == 4
