"""What becomes of an endpoint's streams when SageMaker stops its container: SIGTERM, and SIGKILL 30 seconds later."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from moorage.aws.managed_spec import STOP_SECONDS, SagemakerVllmSpec
from tests.end_to_end.tiny_model import built_tiny_model
from tests.sagemaker_endpoint import endpoint_spec

from .container import Container, container

pytestmark = pytest.mark.long

TOKENS, CHOICES = 100, 8
"""Of one stream."""
SUPERVISOR_SECONDS = 5
"""See `moorage.aws.sagemaker_environment.UNSUPERVISED`."""
WORK_SECONDS = 8
"""For all streams together: far less than there is, whatever else the machine does meanwhile."""
HELD_SECONDS = SUPERVISOR_SECONDS + 3
"""So long the engine stands still once it is to stop: more than a supervisor would leave."""
_UNTIL_THE_ENGINE_HAS_ALL_SECONDS = 2


@dataclass
class Stream:
    """One answer, as its client sees it."""

    address: str
    is_accepted: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """vLLM ends a stream that it gives up as well as one that is done, but for another reason."""
        return sum('"finish_reason":"length"' in line for line in self.lines) == CHOICES

    def read(self) -> None:
        body = {
            "model": "moored",
            "messages": [{"role": "user", "content": "Which harbour is the oldest?"}],
            "max_tokens": TOKENS,
            "min_tokens": TOKENS,
            "n": CHOICES,
            "stream": True,
        }
        try:
            with (
                httpx.Client(base_url=self.address, trust_env=False, timeout=2 * STOP_SECONDS) as client,
                client.stream("POST", "/invocations", json=body) as answer,
            ):
                self.is_accepted = answer.is_success
                self.lines += (line for line in answer.iter_lines() if line)
        except httpx.TransportError:
            pass


@dataclass(frozen=True)
class Stop:
    """How it went."""

    streams: list[Stream]
    seconds: float
    """From the signal to the container's end."""


def spec() -> SagemakerVllmSpec:
    """With requests that may take longer than a container that is stopped has: the longest that it tries."""
    service_level = {"p99_request_seconds": 2.0 * STOP_SECONDS}
    return endpoint_spec(load={"concurrent_requests": 2}, service_level=service_level)


@pytest.fixture(scope="module")
def stop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stop]:
    log_path = tmp_path_factory.mktemp("container") / "log.txt"
    with container(spec(), built_tiny_model(), log_path) as running:
        yield stopped(running, streams_for(WORK_SECONDS, running.address))


def streams_for(seconds: float, address: str) -> list[Stream]:
    """As many as take so long together, by how long those take that the engine answers at once."""
    at_once = [Stream(address) for _ in range(spec().max_num_seqs // CHOICES)]
    started = time.monotonic()
    with ThreadPoolExecutor(len(at_once)) as clients:
        for stream in at_once:
            clients.submit(stream.read)
    assert all(stream.is_whole for stream in at_once)
    return [Stream(address) for _ in range(math.ceil(len(at_once) * seconds / (time.monotonic() - started)))]


def stopped(running: Container, streams: list[Stream]) -> Stop:
    with ThreadPoolExecutor(len(streams)) as clients:
        for stream in streams:
            clients.submit(stream.read)
        while not (all(stream.is_accepted for stream in streams) and any(stream.lines for stream in streams)):
            time.sleep(0.01)
        time.sleep(_UNTIL_THE_ENGINE_HAS_ALL_SECONDS)
        engine = engine_of(running)
        engine.suspend()
        signalled_at = time.monotonic()
        running.process.terminate()
        time.sleep(HELD_SECONDS)
        with suppress(psutil.NoSuchProcess):
            engine.resume()
        running.process.wait(STOP_SECONDS)
        seconds = time.monotonic() - signalled_at
    return Stop(streams, seconds)


def engine_of(running: Container) -> psutil.Process:
    """Of vLLM's processes the one that computes."""
    children = psutil.Process(running.process.pid).children(recursive=True)
    (engine,) = [child for child in children if "EngineCore" in " ".join(child.cmdline())]
    return engine


def test_every_stream_comes_to_its_end_though_that_takes_longer_than_a_supervisor_waits(stop: Stop):
    assert [stream.lines[-1:] for stream in stop.streams if not stream.is_whole] == []


def test_the_container_has_ended_before_sagemaker_kills_it(stop: Stop):
    assert stop.seconds < STOP_SECONDS
