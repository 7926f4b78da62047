"""`python -m benchmarks.overload`: three times what the engine can do, for a minute; 1 when a bar is missed.

First the engine is kept exactly full, directly: that is its capacity. Then it gets three times as much directly, which
shows what happens without a gateway, and then through the gateway, while probes and cache hits ask beside it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop
from benchmarks.gateways.moorage import KEY, SERVING_IMAGE, command, configuration
from benchmarks.gateways.process import free_port, started
from benchmarks.gateways.product import MODEL
from benchmarks.gateways.subject import redis_command
from benchmarks.load import percentile
from benchmarks.open_load import CHAT, Load, Probe, Work, beside
from benchmarks.report import Figure, report
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
OPEN_FILES, OVERLOAD, WARM_UP_SECONDS, CALIBRATION_SECONDS, REST_SECONDS = 8192, 3, 10, 20, 20
WORK = Work(MODEL, capacity=32, min_service_seconds=0.3, max_service_seconds=0.7, deadline_seconds=2)
MIN_GOODPUT, MAX_PROBE_SECONDS = 0.95, 0.25
# A Redis that takes longer than 5 ms, as on a busy machine, is passed by: that is a miss, and waits like any other.
MIN_ANSWERED = {"/health": 1.0, "/metrics": 1.0, "cache hit": 0.95}
HIT_BODY = {"model": MODEL, "temperature": 0, "messages": [{"role": "user", "content": "asked before"}]}
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str, str]]:
    """The engine's address and the gateway's."""
    engine_port, redis_port, port = free_port(), free_port(), free_port()
    engine_url, url = f"http://127.0.0.1:{engine_port}", f"http://127.0.0.1:{port}"
    program = REPOSITORY / "tests" / "gateway" / "fake_engine.py"
    engine = [sys.executable, str(program), "--port", str(engine_port), "--capacity", str(WORK.capacity)]
    document = configuration(engine_url, redis_port=redis_port, cache={})
    document["upstreams"][0]["max_concurrent_requests"] = WORK.capacity
    config = folder / "gateway.json"
    config.write_text(json.dumps(document))
    environment = {"PYTHONPATH": str(SERVING_IMAGE)}
    with (
        started(engine, log=folder / "engine.log", ready_url=f"{engine_url}/health"),
        started(redis_command(redis_port), log=folder / "redis.log"),
        started(command(config, port), log=folder / "gateway.log", ready_url=f"{url}/ready", environment=environment),
    ):
        yield engine_url, url


async def measure(engine_url: str, url: str, seconds: int) -> list[Figure]:
    """All three loads, one after the other."""
    full, direct, through = Load(engine_url, "", WORK), Load(engine_url, "", WORK), Load(url, KEY, WORK)
    rate = OVERLOAD * WORK.requests_per_second
    await full.fill(WARM_UP_SECONDS + CALIBRATION_SECONDS)
    await direct.offer(rate, WARM_UP_SECONDS + CALIBRATION_SECONDS)
    await asyncio.sleep(1)  # until the engine has noticed that those clients are gone
    at_rest, beside_load = make_probes(url), make_probes(url)
    await at_rest[-1].once()  # from now on its answer is stored
    await beside(at_rest, asyncio.sleep(REST_SECONDS))
    await beside(beside_load, through.offer(rate, WARM_UP_SECONDS + seconds))
    tell(through)
    return [*goodput(full, direct, through, seconds), *answered(at_rest, beside_load)]


def make_probes(url: str) -> list[Probe]:
    """One for each of `MIN_ANSWERED`."""
    hit = Probe(url, CHAT, body=HIT_BODY, key=KEY, expected_header=("cache-status", "hit"))
    return [Probe(url, "/health"), Probe(url, "/metrics"), hit]


def goodput(full: Load, direct: Load, through: Load, seconds: int) -> list[Figure]:
    """Shares of the engine's places that went into answers in time."""
    capacity = full.busy_share(WARM_UP_SECONDS, WARM_UP_SECONDS + CALIBRATION_SECONDS)
    alone = direct.busy_share(WARM_UP_SECONDS, WARM_UP_SECONDS + CALIBRATION_SECONDS)
    share = through.busy_share(WARM_UP_SECONDS, WARM_UP_SECONDS + seconds)
    name = f"goodput at {OVERLOAD} times capacity, of capacity"
    return [
        Figure("places busy when exactly full", capacity, ""),
        Figure(f"{name}, without a gateway", alone / capacity, ""),
        Figure(name, share / capacity, "", bar=MIN_GOODPUT, bar_is_least=True, direct=capacity, through=share),
    ]


def answered(at_rest: list[Probe], beside_load: list[Probe]) -> list[Figure]:
    """How long what is beside the load took, and how often it went well; at rest, as a control, in the column `direct`.

    A machine that is busy with something else shows in both.
    """
    figures = []
    for (name, least), rest, load in zip(MIN_ANSWERED.items(), at_rest, beside_load, strict=True):
        slow = [percentile(probe.took_seconds, 0.99) for probe in (rest, load)]
        well = [1 - len(probe.problems) / len(probe.took_seconds) for probe in (rest, load)]
        figures.append(Figure(f"{name}, p99 of {len(load.took_seconds)}", slow[1], "s", MAX_PROBE_SECONDS, *slow))
        figures.append(Figure(f"{name}, share that is as it should be", well[1], "", least, *well, bar_is_least=True))
        for problem, count in Counter(load.problems).most_common(3):
            console.print(f"{count:6} {problem}", markup=False)
    return figures


def tell(load: Load) -> None:
    """What became of the requests."""
    for code, count in sorted(Counter(answer.code or "in time" for answer in load.answers).items()):
        console.print(f"{count:6} {code}")


@command_line.command()
def main(seconds: Annotated[int, typer.Option(min=5, help="How long the overload is measured.")] = 60) -> None:
    """Overloads an engine, and fails where a bar is missed."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as (engine_url, url):
        figures = uvloop.run(measure(engine_url, url, seconds))
    sys.exit(report(figures))


if __name__ == "__main__":
    command_line()
