"""How a transport to a cloud uses its connections: the same for each. A room inherits these tests for its own one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import pytest

from .transports import CHAT, HEADERS, ReadableAnswer, chat, eventually, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .fake_engine import FakeEngine

    Engine = tuple[FakeEngine, str]


class CloudTransport(Protocol):
    """What is tested."""

    @property
    def busy_connections(self) -> int: ...
    @property
    def idle_connections(self) -> int: ...
    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> ReadableAnswer: ...


class CountingDoor(Protocol):
    """The cloud's front door."""

    sent_bytes: int

    def close_connections(self) -> None: ...


class CloudConnectionTests:
    """With the fixtures `transport`, `engine` and `front_door` of the room."""

    async def test_the_first_token_does_not_wait_for_the_last(self, transport: CloudTransport) -> None:
        answer = await transport.send(CHAT, chat("ahoy", stream=True, tokens=2, inter_token_seconds=3600), HEADERS)
        assert b"ahoy" in await answer.read()
        answer.close()

    async def test_connections_are_used_again(self, transport: CloudTransport) -> None:
        for stream in (False, True, False):
            await read_all(await transport.send(CHAT, chat(stream=stream), HEADERS))
        await eventually(lambda: transport.busy_connections == 0)
        assert transport.idle_connections == 1

    async def test_a_connection_that_was_closed_while_idle_fails_no_request(
        self, transport: CloudTransport, engine: Engine, front_door: tuple[CountingDoor, str]
    ) -> None:
        await read_all(await transport.send(CHAT, chat(), HEADERS))
        front_door[0].close_connections()
        assert transport.idle_connections == 1  # it has not been noticed yet
        answer = await transport.send(CHAT, chat("again"), HEADERS)
        assert await read_all(answer) == engine[0].answers[-1]

    @pytest.mark.parametrize("read_first", [True, False])
    async def test_closing_an_answer_stops_the_engine(
        self, transport: CloudTransport, engine: Engine, *, read_first: bool
    ) -> None:
        answer = await transport.send(CHAT, chat(stream=True, tokens=1000, inter_token_seconds=0.1), HEADERS)
        if read_first:
            await answer.read()
        answer.close()
        await eventually(lambda: engine[0].counters.aborted == 1)
        await eventually(lambda: transport.busy_connections == 0)
        assert transport.idle_connections == 0

    async def test_a_client_that_leaves_before_the_headers_stops_the_engine(
        self, transport: CloudTransport, engine: Engine
    ) -> None:
        request = asyncio.create_task(transport.send(CHAT, chat(time_to_first_token_seconds=3600), HEADERS))
        await eventually(lambda: engine[0].counters.running == 1)
        request.cancel()
        await eventually(lambda: engine[0].counters.aborted == 1)
        await eventually(lambda: transport.busy_connections == 0)

    async def test_a_reader_that_stands_still_stops_the_stream(
        self, transport: CloudTransport, engine: Engine, front_door: tuple[CountingDoor, str]
    ) -> None:
        tokens, padding_bytes = 200, 200_000
        answer = await transport.send(CHAT, chat(stream=True, tokens=tokens, padding_bytes=padding_bytes), HEADERS)
        first = await answer.read()
        before = -1
        while before != front_door[0].sent_bytes:  # until nothing moves any more
            before = front_door[0].sent_bytes
            await asyncio.sleep(0.5)
        # What the kernel's buffers on both sides hold, which is far from all.
        assert before < tokens * padding_bytes / 2
        assert first + await read_all(answer) == engine[0].answers[-1]
