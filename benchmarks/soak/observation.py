"""Looks at the gateway from outside: memory, sockets, gauges."""

from __future__ import annotations

import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
from benchmarks.gateways.process import resident_bytes, tree

if TYPE_CHECKING:
    import threading

    from benchmarks.soak.world import World

SAMPLE_SECONDS, HEALTH_TIMEOUT_SECONDS = 1.0, 5.0
# Gauges that say how much is going on: nothing, when nothing is.
BUSY_GAUGE = re.compile(r"^moorage_gateway_\w*(?:in_flight|in_service|queued|waiting|busy|running|held|demand)\w*$")
SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? (\S+)$")


@dataclass
class Samples:
    """Seconds since the start, resident bytes; and how often the gateway did not answer /health."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    health_failures: int = 0


def sample(world: World, ended: threading.Event) -> Samples:
    """Once a second until `ended`."""
    samples, began = Samples(), time.monotonic()
    while not ended.wait(SAMPLE_SECONDS):
        samples.memory.append((time.monotonic() - began, resident_bytes(world.gateway)))
        try:
            with urllib.request.urlopen(f"{world.url}/health", timeout=HEALTH_TIMEOUT_SECONDS):  # noqa: S310
                pass
        except OSError:
            samples.health_failures += 1
    return samples


def connections(world: World) -> dict[str, int]:
    """Open sockets of the gateway's process tree, by the side that they lead to."""
    counts: Counter[str] = Counter({"clients": 0, "engines": 0, "Redis": 0})
    for process in tree(world.gateway):
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN or not connection.raddr:
                continue
            if connection.laddr.port == world.port:
                counts["clients"] += 1
            elif connection.raddr.port in world.engine_ports:
                counts["engines"] += 1
            elif connection.raddr.port == world.redis_port:
                counts["Redis"] += 1
    return dict(counts)


def busy_gauges(world: World) -> dict[str, float]:
    """Every series of /metrics that counts what is going on."""
    with urllib.request.urlopen(f"{world.url}/metrics") as answer:  # noqa: S310
        text = answer.read().decode()
    found = (SAMPLE.match(line) for line in text.splitlines())
    return {
        match[1] + (match[2] or ""): float(match[3])
        for match in found
        if match and (BUSY_GAUGE.match(match[1]) or 'state="busy"' in (match[2] or ""))
    }
