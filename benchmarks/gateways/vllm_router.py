"""vllm-router, the Rust program out of vLLM's project. It has neither keys of clients, quotas nor a response cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.gateways.process import free_port
from benchmarks.gateways.product import Place, Start

if TYPE_CHECKING:
    from benchmarks.gateways.python_environment import PythonEnvironment


@dataclass(frozen=True)
class VllmRouter:
    """From the package index. `policy` chooses the engine: `round_robin` is the cheapest, `cache_aware` the default."""

    environment: PythonEnvironment
    policy: str
    has_cache: bool = False

    @property
    def name(self) -> str:
        return f"vllm-router, {self.policy}"

    @property
    def version(self) -> str:
        return self.environment.version("vllm-router")

    def start(self, place: Place, *, cache: bool) -> Start:
        """Its metrics are on, as they always are. Raises ValueError for a cache."""
        if cache:
            raise ValueError("vllm-router has no response cache")
        options = ["--policy", self.policy, "--log-level", "error", "--prometheus-port", str(free_port())]
        command = ["--host", "127.0.0.1", "--port", str(place.port), "--worker-urls", place.engine_url, *options]
        return Start([self.environment.program("vllm-router"), *command], "/health", "none")
