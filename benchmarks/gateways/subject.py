"""Runs the engine, Redis and the gateways, each gateway alone on the first core."""

from __future__ import annotations

import os
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.gateways.load_generator import LoadGenerator, Target
from benchmarks.gateways.process import free_port, started
from benchmarks.gateways.product import MODEL, Place, Product
from tools.bootstrap.paths import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

ENGINE, CACHE_HITS = "engine alone", ", cache hits"


@dataclass(frozen=True)
class Subject:
    """Something that is measured: its processes, and where load for it goes. The engine has no version."""

    name: str
    version: str
    process: psutil.Process
    target: Target
    engine_url: str

    def engine_requests(self) -> int:
        """How many requests the engine has got so far, from anybody."""
        with urllib.request.urlopen(f"{self.engine_url}/count") as answer:  # noqa: S310 - our own address
            return int(answer.read())


@dataclass(frozen=True)
class Surroundings:
    """What all gateways share."""

    engine: Subject
    redis: psutil.Process
    redis_port: int
    folder: Path


def cores_of_gateways_and_others() -> tuple[list[int] | None, list[int] | None]:
    """One core for the gateway that is measured, the rest for engine, load and Redis; None where it cannot be said."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[:1], cores[1:]) if len(cores) > 1 else (None, None)


@contextmanager
def surroundings(generator: LoadGenerator, folder: Path) -> Iterator[Surroundings]:
    """The engine and a Redis, both on loopback."""
    _, cores = cores_of_gateways_and_others()
    port, redis_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    engine = [str(generator.program), "engine", "-address", f"127.0.0.1:{port}", "-model", MODEL]
    with (
        started(engine, log=folder / "engine.log", ready_url=f"{url}/health", cores=cores) as process,
        started(redis_command(redis_port), log=folder / "redis.log", cores=cores) as redis,
    ):
        yield Surroundings(Subject(ENGINE, "", process, Target(url, "none"), url), redis, redis_port, folder)


def redis_command(port: int) -> list[str]:
    """A Redis that forgets everything when it ends."""
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "maxmemory": "512mb"}
    return [
        str(TOOLS / "redis-server"),
        *(word for name, value in options.items() for word in (f"--{name}", str(value))),
    ]


@contextmanager
def running(products: list[Product], around: Surroundings) -> Iterator[list[Subject]]:
    """Each without a cache, and those that have one with it too; all at once, so that they can take turns."""
    modes = [(product, False) for product in products] + [(product, True) for product in products if product.has_cache]
    with ExitStack() as stack:
        yield [stack.enter_context(_running(product, around, cache=cache)) for product, cache in modes]


@contextmanager
def _running(product: Product, around: Surroundings, *, cache: bool) -> Iterator[Subject]:
    cores, _ = cores_of_gateways_and_others()
    name = product.name + CACHE_HITS if cache else product.name
    folder, port = around.folder / name, free_port()
    folder.mkdir()
    url, engine_url = f"http://127.0.0.1:{port}", around.engine.engine_url
    start = product.start(Place(folder, port, engine_url, around.redis_port), cache=cache)
    with started(
        start.command,
        log=folder / "log",
        ready_url=url + start.ready_path,
        environment=start.environment,
        cores=cores,
    ) as process:
        yield Subject(name, product.version, process, Target(url, start.key, same=cache), engine_url)
