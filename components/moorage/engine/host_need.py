"""What an engine takes of its machine besides the GPUs."""

from dataclasses import dataclass

from moorage.engine.memory import GIB
from moorage.engine.parallelism import Parallelism

LOADING_BUFFER_BYTES = 5 * GIB
"""What passes through a process's memory at once while weights are loaded: as much as a file of safetensors has by
transformers' default, and the limit that is set for the streamer (vLLM's own example,
docs.vllm.ai/en/stable/models/extensions/runai_model_streamer, read 2026-11-25; without one it takes all it can)."""

# Practice of llm-d, production-stack and ZenML (2 GiB, 20 GiB, and 8 GiB besides; read 2026-08).
_SHARED_MEMORY_GIB = 2
_SHARED_MEMORY_OF_SEVERAL_GPUS_GIB = 20
_ENGINE_GIB = 8
# One process each for the API server and the engine's core, besides one worker for each GPU
# (github.com/vllm-project/vllm, docs/design/arch_overview.md, read 2026-11-25).
_CPUS_BESIDE_THE_WORKERS = 2


@dataclass(frozen=True)
class HostNeed:
    """On each node."""

    cpus: int
    memory_gib: int
    """All of it, shared memory included, which counts against a container's limit."""
    shared_memory_gib: int
    """Of `/dev/shm`."""


def host_need(parallelism: Parallelism) -> HostNeed:
    workers = parallelism.tensor_parallel_size
    shared = _SHARED_MEMORY_GIB if parallelism.devices == 1 else _SHARED_MEMORY_OF_SEVERAL_GPUS_GIB
    return HostNeed(
        cpus=_CPUS_BESIDE_THE_WORKERS + workers,
        memory_gib=workers * LOADING_BUFFER_BYTES // GIB + shared + _ENGINE_GIB,
        shared_memory_gib=shared,
    )
