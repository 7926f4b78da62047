"""Engines on real sockets and the routes to them, all in the test's event loop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from prometheus_client import CollectorRegistry

from moorage_serving.gateway.config.serving import Timeouts
from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig
from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
from moorage_serving.gateway.upstream.route import EngineCall, Route
from moorage_serving.gateway.upstream.upstream import Upstream
from tests.gateway.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer

CHAT = "/v1/chat/completions"
PATIENCE_SECONDS = 20.0
DEAD_ADDRESS = "http://127.0.0.1:9"  # the discard port: nothing listens


class Harbour:
    """Use as an asynchronous context manager. What it made is closed at the end."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = UpstreamMetrics(self.registry)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def engine(self, **faults: Any) -> tuple[FakeEngine, str]:
        """An engine and its address; `faults` are for whatever it is asked."""
        engine = FakeEngine(program=faults)
        address = await engine.start()
        self._stack.push_async_callback(engine.stop)
        return engine, address

    def upstream(self, name: str, address: str, *, gateway_processes: int = 1, **more: Any) -> Upstream:
        settings = {"kind": "openai-http", "model": "moored", "revision": "r1", **more}
        config = OpenAIHttpUpstreamConfig(name=name, address=address, **settings)
        upstream = Upstream(config, Timeouts(connect_seconds=PATIENCE_SECONDS), gateway_processes)
        self._stack.push_async_callback(upstream.close)
        return upstream

    async def pool(self, count: int, **more: Any) -> tuple[list[FakeEngine], list[Upstream]]:
        """Engines that share the load."""
        engines = [await self.engine() for _ in range(count)]
        upstreams = [self.upstream(f"e{n}", address, pool="all", **more) for n, (_, address) in enumerate(engines)]
        return [engine for engine, _ in engines], upstreams

    def route(self, *upstreams: Upstream, **more: Any) -> Route:
        route = Route("moored", upstreams, self.metrics, **more)
        for upstream in upstreams:
            upstream.listeners.add(route.rebuild)
        return route

    def count(self, name: str, **labels: str) -> float:
        """A metric's value; 0 where there is none yet."""
        return self.registry.get_sample_value(f"moorage_gateway_upstream_{name}", labels) or 0.0


def conversation(name: object) -> bytes:
    return hashlib.blake2b(str(name).encode(), digest_size=16).digest()


def call(
    text: str = "hello",
    *,
    stream: bool = True,
    first_byte_seconds: float = PATIENCE_SECONDS,
    talk: object = None,
    revision: str | None = None,
    **program: Any,
) -> EngineCall:
    """A chat request, with the fake engine's program for it."""
    body = {
        "model": "moored",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        "fake_engine": program,
    }
    return EngineCall(
        path=CHAT,
        body=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
        conversation=None if talk is None else conversation(talk),
        first_byte_seconds=first_byte_seconds,
        revision=revision,
    )


async def read_all(opened: OpenedAnswer) -> bytes:
    """The whole body; the answer is closed."""
    body = piece = opened.first
    try:
        while piece:
            piece = await opened.read()
            body += piece
    except BaseException:
        opened.close(failed=True)
        raise
    opened.close()
    return body


async def ask(route: Route, engine_call: EngineCall | None = None) -> tuple[str, bytes]:
    """A request served to its end: who answered, and what."""
    opened = await route.open(engine_call or call())
    return opened.endpoint.name, await read_all(opened)


async def eventually(look: Callable[[], object]) -> None:
    """Until `look` returns something true."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < until, "it did not happen in time"
        await asyncio.sleep(0.01)


def is_at_rest(endpoint: Endpoint) -> bool:
    """Whether no request holds a place or a connection."""
    return endpoint.in_flight == 0 and endpoint.transport.busy_connections == 0
