"""What the engine needs, by pure functions from the specification: command line, memory and time budgets."""

from moorage.engine.arguments import HostAndPort, NodeOfSeveral, UnixSocket, vllm_arguments, vllm_command
from moorage.engine.budgets import (
    GPU_COMPILE_SECONDS,
    LIVENESS,
    READINESS,
    DrainBudget,
    Probe,
    drain_budget,
    startup_budget,
    startup_probe,
    within_notice,
)
from moorage.engine.compatibility import check_servable
from moorage.engine.device import Device
from moorage.engine.environment import vllm_environment
from moorage.engine.host_need import HostNeed, host_need
from moorage.engine.memory import (
    InsufficientMemoryError,
    MemoryNeed,
    check_fits,
    kv_cache_bytes,
    kv_cache_bytes_per_token,
    memory_need,
)
from moorage.engine.parallelism import ONE_DEVICE, Parallelism

__all__ = [
    "GPU_COMPILE_SECONDS",
    "LIVENESS",
    "ONE_DEVICE",
    "READINESS",
    "Device",
    "DrainBudget",
    "HostAndPort",
    "HostNeed",
    "InsufficientMemoryError",
    "MemoryNeed",
    "NodeOfSeveral",
    "Parallelism",
    "Probe",
    "UnixSocket",
    "check_fits",
    "check_servable",
    "drain_budget",
    "host_need",
    "kv_cache_bytes",
    "kv_cache_bytes_per_token",
    "memory_need",
    "startup_budget",
    "startup_probe",
    "vllm_arguments",
    "vllm_command",
    "vllm_environment",
    "within_notice",
]
