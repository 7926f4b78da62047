"""LiteLLM's proxy, with its master key; its own limits per key need a PostgreSQL server and are left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.gateways.product import MODEL, Place, Start

if TYPE_CHECKING:
    from benchmarks.gateways.python_environment import PythonEnvironment

KEY = "sk-benchmark"


@dataclass(frozen=True)
class LiteLLM:
    """From the package index; one uvicorn worker."""

    environment: PythonEnvironment
    name: str = "LiteLLM"
    has_cache: bool = True

    @property
    def version(self) -> str:
        return self.environment.version("litellm")

    def start(self, place: Place, *, cache: bool) -> Start:
        """Quiet, without telemetry, and without fetching its table of prices, as its guide for production says."""
        settings: dict[str, object] = {"telemetry": False, "set_verbose": False}
        if cache:
            settings["cache"] = True
            settings["cache_params"] = {"type": "redis", "host": "127.0.0.1", "port": str(place.redis_port)}
        engine = {"model": f"hosted_vllm/{MODEL}", "api_base": f"{place.engine_url}/v1", "api_key": "none"}
        document = {
            "model_list": [{"model_name": MODEL, "litellm_params": engine}],
            "general_settings": {"master_key": KEY},
            "litellm_settings": settings,
        }
        file = place.folder / "litellm.yaml"  # JSON is YAML
        file.write_text(json.dumps(document))
        command = ["--host", "127.0.0.1", "--port", str(place.port), "--config", str(file), "--num_workers", "1"]
        environment = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            # 500 connections to one engine are its default: the 501st stream would wait for ever.
            "AIOHTTP_CONNECTOR_LIMIT": "4096",
            "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "4096",
        }
        return Start([self.environment.program("litellm"), *command], "/health/liveliness", KEY, environment)
