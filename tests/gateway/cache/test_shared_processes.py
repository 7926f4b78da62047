"""Gateways that are processes share one answer of one engine, through a real Redis."""

from __future__ import annotations

import json
import signal
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
import pytest

from moorage_serving.gateway.cache.mailbox import CHANNEL
from tests.gateway.processes import EngineRoom, Gateway, RunningEngine, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.gateway.redis_process import RedisProcess

T = TypeVar("T")
CHAT = "/v1/chat/completions"
CLIENTS = 50
ATTEMPTS = 10
FOLLOWED = "cache_followed_flights_total"
PATIENT = {"connect_seconds": 5, "first_byte_seconds": 60, "idle_seconds": 60}


class Gateways:
    """One or several, before one engine, with one Redis."""

    def __init__(self, gateways: list[Gateway], engine: RunningEngine, room: EngineRoom) -> None:
        self.gateways = gateways
        self.engine = engine
        self._room = room

    @property
    def requests(self) -> int:
        return self.engine.fake.counters.requests

    def metric(self, name: str, **labels: str) -> float:
        return sum(gateway.metric(name, **labels) for gateway in self.gateways)

    def when_connected(self, redis: RedisProcess) -> Self:
        """Both processes: until then they answer without each other."""
        eventually(lambda: len(redis.client.pubsub_channels(f"{CHANNEL}*")) == 2, 20)  # type: ignore[arg-type]
        eventually(lambda: sum(len(gateway.events("redis_available")) for gateway in self.gateways) == 2, 20)
        return self

    @property
    def late(self) -> float:
        """Replies that Redis did not give in time."""
        return self.metric("redis_failures_total")

    def asking_once(self, attempt: Callable[[], T]) -> T:
        """What the first attempt gives that asks the engine once. Others are right only where Redis was late."""
        for _ in range(ATTEMPTS):
            asked, late = self.requests, self.late
            result = attempt()
            if self.requests - asked == 1:
                return result
            assert self.late > late, "the engine was asked again although Redis was never late"
        pytest.fail("Redis was late in each attempt")

    def hold(self) -> None:
        """The engine takes requests, and answers none."""
        self._room.loop.call_soon_threadsafe(self.engine.fake.may_answer.clear)

    def let_go(self) -> None:
        self._room.loop.call_soon_threadsafe(self.engine.fake.may_answer.set)


def question(*, stream: bool, **program: Any) -> dict[str, Any]:
    """Nobody has asked it before."""
    return chat(uuid.uuid4().hex, stream=stream, **program) | {"temperature": 0}


def ask(gateway: Gateway, body: dict[str, Any]) -> httpx.Response:
    return gateway.client.post(CHAT, json=body, timeout=60)


@pytest.fixture
def engine(engine_room: EngineRoom) -> Iterator[RunningEngine]:
    with engine_room.engine() as running:
        yield running


@pytest.fixture
def config_path(engine: RunningEngine, server: RedisProcess, tmp_path: Path) -> Path:
    path = tmp_path / "gateway.json"
    content = document(upstream("a", engine.address), timeouts=PATIENT, cache={}, redis_url=server.url)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def two(config_path: Path, engine: RunningEngine, engine_room: EngineRoom, server: RedisProcess) -> Iterator[Gateways]:
    with ExitStack() as stack:
        gateways = [stack.enter_context(Gateway(config_path)) for _ in range(2)]
        yield Gateways(gateways, engine, engine_room).when_connected(server)


@pytest.fixture
def workers(
    config_path: Path, engine: RunningEngine, engine_room: EngineRoom, server: RedisProcess
) -> Iterator[Gateways]:
    with Gateway(config_path, arguments=("--workers", "2")) as gateway:
        yield Gateways([gateway], engine, engine_room).when_connected(server)


@pytest.fixture(params=["two", "workers"])
def gateways(request: pytest.FixtureRequest) -> Gateways:
    return request.getfixturevalue(request.param)


def crowd(gateways: Gateways, body: dict[str, Any]) -> list[httpx.Response]:
    """What all get who ask at one time; the engine answers when everybody waits for it."""
    gateways.hold()
    asked = gateways.requests
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [clients.submit(ask, gateway, body) for gateway, _ in zip(cycle(gateways.gateways), range(CLIENTS))]
        try:
            # The clients, and the process that follows.
            all_wait = CLIENTS + 1
            eventually(lambda: gateways.metric("cache_flight_readers") == all_wait or gateways.requests > asked + 1, 20)
        finally:
            gateways.let_go()
        return [answer.result() for answer in answers]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "document"])
def test_fifty_clients_of_two_processes_are_one_request(gateways: Gateways, *, stream: bool) -> None:
    answers = gateways.asking_once(lambda: crowd(gateways, question(stream=stream)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    statuses = Counter(answer.headers["cache-status"] for answer in answers)
    assert statuses == {"Moorage; fwd=miss": 1, "Moorage; fwd=miss; collapsed": CLIENTS - 1}
    assert gateways.metric(FOLLOWED) >= 1


@pytest.mark.long
def test_the_follower_gets_the_first_event_while_the_engine_holds_back_the_rest(two: Gateways) -> None:
    leader, follower = two.gateways

    def attempt() -> None:
        asked, written = two.requests, two.engine.fake.counters.tokens
        body = question(stream=True, tokens=2, inter_token_seconds=3)
        with leader.client.stream("POST", CHAT, json=body) as led:
            leaders = led.iter_raw()
            first = next(leaders)
            with follower.client.stream("POST", CHAT, json=body) as followed:
                followers = followed.iter_raw()
                assert next(followers) == first
                assert two.engine.fake.counters.tokens - written == two.requests - asked
                rest = b"".join(leaders)
                assert rest.endswith(b"data: [DONE]\n\n")
                assert b"".join(followers) == rest

    two.asking_once(attempt)


def test_who_has_no_byte_yet_gets_an_answer_when_the_leader_is_killed(two: Gateways) -> None:
    leader, follower = two.gateways
    with ThreadPoolExecutor() as clients:

        def attempt() -> list[Future[httpx.Response]]:
            two.let_go()
            body, asked = question(stream=True), two.requests
            two.hold()
            led = clients.submit(ask, leader, body)
            eventually(lambda: two.requests == asked + 1, 20)
            followed = clients.submit(ask, follower, body)
            eventually(lambda: leader.metric("cache_flight_readers") == 2 or two.requests == asked + 2, 20)
            return [led, followed]

        try:
            led, followed = two.asking_once(attempt)
            asked, lost = two.requests, follower.metric("cache_lost_flights_total")
            leader.signal(signal.SIGKILL)
            eventually(lambda: two.requests == asked + 1, 20)
        finally:
            two.let_go()
        answer = followed.result()
        assert isinstance(led.exception(), httpx.RemoteProtocolError)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.headers["cache-status"] == "Moorage; fwd=miss"
    assert follower.metric("cache_lost_flights_total") == lost + 1
