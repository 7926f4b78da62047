"""Requests that come whether or not those before have been answered, and what their clients see.

Each takes a place at the engine for a time of its own, so that places are not all left in the same moment.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractAsyncContextManager

# Beyond deadline and service: what a client forgives, and a busy machine needs.
GRACE_SECONDS = 1.0
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Work:
    """An engine's work: `capacity` requests at one time, each for a random time between the two."""

    model: str
    capacity: int
    min_service_seconds: float
    max_service_seconds: float
    deadline_seconds: float

    @property
    def requests_per_second(self) -> float:
        """What the engine can do at most."""
        return 2 * self.capacity / (self.min_service_seconds + self.max_service_seconds)


@dataclass(frozen=True)
class Answered:
    """One answer. `at_seconds` since the load began; `code`: the error's, or "" for an answer that came in time."""

    at_seconds: float
    took_seconds: float
    service_seconds: float
    code: str


@dataclass
class Load:
    """One client's requests to one address. Use `fill` or `offer` once."""

    url: str
    key: str
    work: Work
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311 - no secret, but the same every time
        self._began = 0.0

    async def fill(self, seconds: float) -> None:
        """As many clients as the engine has places, each of which asks again at once."""

        async def ask_again_and_again() -> None:
            while True:
                await self._ask(session)

        async with self._session() as session:
            await self._for(seconds, [ask_again_and_again() for _ in range(self.work.capacity)])

    async def offer(self, requests_per_second: float, seconds: float) -> None:
        """At even intervals, whatever becomes of those before."""

        async def ask_at_intervals() -> None:
            async with asyncio.TaskGroup() as clients:
                for number in range(int(requests_per_second * seconds)):
                    # Counted from the beginning, so that a delay here does not make the load smaller.
                    await asyncio.sleep(self._began + number / requests_per_second - time.monotonic())
                    clients.create_task(self._ask(session))

        async with self._session() as session:
            await self._for(seconds, [ask_at_intervals()])

    def busy_share(self, from_seconds: float, to_seconds: float) -> float:
        """How much of the engine's places went into answers that came in time: 1 when no place was ever idle."""
        useful = [a.service_seconds for a in self.answers if not a.code and from_seconds <= a.at_seconds < to_seconds]
        return sum(useful) / (self.work.capacity * (to_seconds - from_seconds))

    def _session(self) -> aiohttp.ClientSession:
        self._began = time.monotonic()
        headers = {"authorization": f"Bearer {self.key}"}
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(limit=0)
        return aiohttp.ClientSession(self.url, headers=headers, timeout=timeout, connector=connector)

    async def _for(self, seconds: float, work: list[Coroutine[Any, Any, None]]) -> None:
        tasks = [asyncio.create_task(each) for each in work]
        await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        service_seconds = self._random.uniform(self.work.min_service_seconds, self.work.max_service_seconds)
        began = time.monotonic()
        program = {"time_to_first_token_seconds": service_seconds, "tokens": 1}
        body = {"model": self.work.model, "messages": [{"role": "user", "content": "x"}], "fake_engine": program}
        headers = {"x-request-deadline-ms": str(int(self.work.deadline_seconds * 1000))}
        async with session.post(CHAT, json=body, headers=headers) as answer:
            document = await answer.json(content_type=None)
        now = time.monotonic()
        code = "" if answer.status == 200 else f"{answer.status} {document['error']['code']}"
        if not code and now - began > self.work.deadline_seconds + service_seconds + GRACE_SECONDS:
            code = "late"
        self.answers.append(Answered(now - self._began, now - began, service_seconds, code))


@dataclass
class Probe:
    """Asks the same thing again and again, beside the load. `problems`: what was not answered as it should be."""

    url: str
    path: str
    every_seconds: float = 0.25
    body: dict[str, Any] | None = None
    key: str = ""
    expected_header: tuple[str, str] | None = None
    took_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    async def once(self) -> None:
        """Ask, without looking at the answer."""
        async with self._session() as session, self._request(session) as answer:
            await answer.read()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with self._session() as session:
            while True:
                await self._ask(session)
                await asyncio.sleep(self.every_seconds)

    def _session(self) -> aiohttp.ClientSession:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return aiohttp.ClientSession(self.url, headers=headers)

    def _request(self, session: aiohttp.ClientSession) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return session.request("GET" if self.body is None else "POST", self.path, json=self.body)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        began = time.monotonic()
        async with self._request(session) as answer:
            await answer.read()
        self.took_seconds.append(time.monotonic() - began)
        if answer.status != 200:
            self.problems.append(f"{self.path}: {answer.status}")
        elif self.expected_header is not None:
            name, part = self.expected_header
            if part not in answer.headers.get(name, ""):
                self.problems.append(f"{self.path}: {name} is {answer.headers.get(name)!r}")


async def beside(probes: list[Probe], load: Coroutine[Any, Any, None]) -> None:
    """Run the load, and the probes as long as it lasts."""
    tasks = [asyncio.create_task(probe.run()) for probe in probes]
    try:
        await load
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for probe, problem in zip(probes, ended, strict=True):
        if isinstance(problem, Exception):
            probe.problems.append(f"{probe.path}: {type(problem).__name__}")
