"""The container that runs vLLM as a task of ECS. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from moorage.aws.container_definition import Container, HealthCheck
from moorage.engine import LIVENESS, Device, DrainBudget, HostAndPort, vllm_arguments, vllm_command, vllm_environment
from moorage.engine.parallelism import ONE_DEVICE, Parallelism
from moorage.spec import ModelSpec

CONTAINER_NAME = "vllm"
PORT = 8000
CACHE, TEMPORARY = "cache", "tmp"
"""The folders that vLLM writes to; all else is read-only."""
HUGGING_FACE_TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - the name of a variable

MOST_START_PERIOD_SECONDS = 300
"""docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html, startPeriod (read 2026-11-25). A longer start
is the service's health check grace period."""
_HEALTH_TIMEOUT_SECONDS = 5
# The image has Python for certain: vLLM is written in it.
_HEALTH = f"import urllib.request as request; request.urlopen('http://127.0.0.1:{PORT}/health', timeout=4)"

DRAIN_SCRIPT = """\
wait_seconds=$1; shift
"$@" &
engine=$!
trap 'sleep "$wait_seconds"; kill -TERM "$engine"' TERM
wait "$engine"; code=$?
while kill -0 "$engine" 2>/dev/null; do wait "$engine"; code=$?; done
exit "$code"
"""
"""What a pod's preStop hook does in Kubernetes, and ECS has nothing for: an engine that is to go takes requests on
until the gateways have noticed, and only then gets SIGTERM."""


def vllm_container(
    model: ModelSpec,
    image: str,
    *,
    device: Device,
    drain: DrainBudget,
    log_group: str,
    region: str,
    secrets: Mapping[str, str],
    max_num_seqs: int | None = None,
    kv_cache_memory_bytes: int | None = None,
    lora_rank: int | None = None,
    parallelism: Parallelism = ONE_DEVICE,
    shared_memory_mib: int | None = None,
    tmpfs_mib: Mapping[str, int] = MappingProxyType({}),
    memory_mib: int | None = None,
    memory_reservation_mib: int | None = None,
) -> Container:
    """The task's one container: vLLM behind `DRAIN_SCRIPT`, killed when its drain budget is over.

    It runs as the image's own user, because a task's volumes are that one's, without any capability.
    """
    arguments = vllm_arguments(
        model,
        HostAndPort("0.0.0.0", PORT),  # noqa: S104 - the task's own address
        device=device,
        shutdown_timeout_seconds=drain.shutdown_timeout_seconds,
        kv_cache_memory_bytes=kv_cache_memory_bytes,
        max_num_seqs=max_num_seqs,
        lora_rank=lora_rank,
        parallelism=parallelism,
    )
    return Container(
        name=CONTAINER_NAME,
        image=image,
        entry_point=("sh", "-c", DRAIN_SCRIPT, CONTAINER_NAME),
        command=(str(drain.pre_stop_seconds), *vllm_command("python3"), *arguments),
        port=PORT,
        health_check=HealthCheck(
            ("python3", "-c", _HEALTH),
            LIVENESS.period_seconds,
            _HEALTH_TIMEOUT_SECONDS,
            LIVENESS.failure_threshold,
            MOST_START_PERIOD_SECONDS,
        ),
        stop_seconds=drain.grace_seconds,
        environment=_environment(model, device, region),
        secrets=secrets,
        log_group=log_group,
        region=region,
        user=None,
        gpus=parallelism.devices if device == "gpu" else 0,
        shared_memory_mib=shared_memory_mib,
        tmpfs_mib=tmpfs_mib,
        memory_mib=memory_mib,
        memory_reservation_mib=memory_reservation_mib,
        writable_folders=(CACHE, TEMPORARY),
    )


def _environment(model: ModelSpec, device: Device, region: str) -> dict[str, str]:
    return {
        **vllm_environment(model, device=device),
        # The streamer lists a bucket with boto3, which reads this one alone.
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "HOME": f"/{CACHE}",
        "HF_HOME": f"/{CACHE}/models",
        "VLLM_ASSETS_CACHE": f"/{CACHE}/models/assets",
        "XDG_CACHE_HOME": f"/{CACHE}",
        "XDG_CONFIG_HOME": f"/{CACHE}/config",
        "TORCHINDUCTOR_CACHE_DIR": f"/{CACHE}/inductor",
        "TRITON_CACHE_DIR": f"/{CACHE}/triton",
        "FLASHINFER_WORKSPACE_BASE": f"/{CACHE}",
    }
