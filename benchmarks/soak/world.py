"""What the soak runs: two engines, Redis, and the gateway before them."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.gateways.moorage import FAR_AWAY, SERVING_IMAGE, command, configuration, sha256
from benchmarks.gateways.process import free_port, started
from benchmarks.gateways.product import MODEL
from benchmarks.gateways.subject import redis_command
from benchmarks.soak.restartable import Restartable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil
    from benchmarks.gateways.load_generator import LoadGenerator

TENANTS = ("first", "second")
TIMEOUTS = ({"connect_seconds": 1, "first_byte_seconds": 5, "idle_seconds": 2}, {"idle_seconds": 2.5})


@dataclass(frozen=True)
class World:
    """Everything that runs, and where."""

    gateway: psutil.Process
    engines: tuple[Restartable, ...]
    redis: Restartable
    config: Path
    port: int
    engine_ports: tuple[int, ...]
    redis_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write_config(self, variant: int) -> None:
        """One of several documents that differ in what a reload has to take up."""
        document = document_of(variant, self.engine_ports, self.redis_port)
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps(document))
        new.rename(self.config)


def document_of(variant: int, engine_ports: tuple[int, ...], redis_port: int) -> dict[str, Any]:
    """Two tenants with quotas and a cache; variants differ in a timeout and in a key that comes and goes."""
    document = configuration(*(f"http://127.0.0.1:{port}" for port in engine_ports), redis_port=redis_port)
    for upstream in document["upstreams"]:
        upstream["pool"] = "engines"
    tenants = [{**document["tenants"][0], "id": tenant, "concurrent_requests": FAR_AWAY} for tenant in TENANTS]
    keys = [{"id": tenant, "sha256": sha256(tenant), "tenant": tenant} for tenant in TENANTS]
    if variant % 2:
        keys.append({"id": "passing", "sha256": sha256("passing")})
    timeouts = {**TIMEOUTS[0], **(TIMEOUTS[1] if variant % 2 else {})}
    return {**document, "tenants": tenants, "keys": keys, "timeouts": timeouts, "cache": {"ttl_seconds": 20}}


@contextmanager
def world(generator: LoadGenerator, folder: Path) -> Iterator[World]:
    """All of it on loopback, ready."""
    engine_ports, redis_port, port = (free_port(), free_port()), free_port(), free_port()
    config = folder / "gateway.json"
    config.write_text(json.dumps(document_of(0, engine_ports, redis_port)))
    with ExitStack() as stack:
        engines = tuple(stack.enter_context(engine(generator, engine_port, folder)) for engine_port in engine_ports)
        redis = stack.enter_context(
            Restartable("Redis", lambda: started(redis_command(redis_port), log=folder / "redis.log"))
        )
        gateway = stack.enter_context(
            started(
                command(config, port),
                log=folder / "gateway.log",
                ready_url=f"http://127.0.0.1:{port}/ready",
                environment={"PYTHONPATH": str(SERVING_IMAGE)},
            )
        )
        yield World(gateway, engines, redis, config, port, engine_ports, redis_port)


def engine(generator: LoadGenerator, port: int, folder: Path) -> Restartable:
    """An engine whose serial numbers never come twice, not after a restart either."""

    def start() -> Any:
        line = [str(generator.program), "engine", "-address", f"127.0.0.1:{port}", "-model", MODEL]
        line += ["-first-serial", str(time.time_ns())]
        return started(line, log=folder / f"engine-{port}.log", ready_url=f"http://127.0.0.1:{port}/health")

    return Restartable(f"engine on port {port}", start)
