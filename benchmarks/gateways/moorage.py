"""Moorage's gateway as it is meant to be run: with keys, quotas, metrics and Redis."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gateways.product import MODEL, Place, Start

KEY = "benchmark"
SERVING_IMAGE = Path(__file__).parents[2] / "serving_image"
# Limits that are checked and counted for every request, and never reached.
FAR_AWAY = 1_000_000_000
TENANT = {
    "id": "benchmark",
    "requests_per_minute": FAR_AWAY,
    "tokens_per_minute": FAR_AWAY,
    "tokens_per_month": FAR_AWAY,
    "concurrent_requests": FAR_AWAY,
}


@dataclass(frozen=True)
class Moorage:
    """This checkout's gateway, with the interpreter that runs this."""

    name: str = "Moorage"
    has_cache: bool = True

    @property
    def version(self) -> str:
        return importlib.metadata.version("moorage-serving")

    def start(self, place: Place, *, cache: bool) -> Start:
        """Everything on; the cache only where it is what is measured."""
        document = configuration(place.engine_url, redis_port=place.redis_port)
        if cache:
            document["cache"] = {}
        file = place.folder / "moorage.json"
        file.write_text(json.dumps(document))
        return Start(command(file, place.port), "/ready", KEY, {"PYTHONPATH": str(SERVING_IMAGE)})


def command(config: Path, port: int) -> list[str]:
    """The gateway's command line: one worker."""
    return [sys.executable, "-m", "moorage_serving.gateway", "serve", "--config", str(config), "--port", str(port)]


def configuration(*engine_urls: str, redis_port: int, **more: Any) -> dict[str, Any]:
    """A gateway's document: engines that share the load, and one key whose tenant has every kind of limit."""
    upstreams = [
        {"name": f"engine-{number}", "kind": "openai-http", "address": url, "model": MODEL, "revision": "1"}
        for number, url in enumerate(engine_urls, start=1)
    ]
    return {
        "version": 1,
        "upstreams": upstreams,
        "keys": [{"id": "benchmark", "sha256": sha256(KEY), "tenant": TENANT["id"]}],
        "tenants": [TENANT],
        "redis_url": f"redis://127.0.0.1:{redis_port}/0",
        **more,
    }


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
