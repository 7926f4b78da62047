"""An engine as the cache sees it, and a client as the cache serves it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import http_sf
import orjson
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.cache.metrics import CacheMetrics
from moorage_serving.gateway.cache.response_cache import CacheResult, ResponseCache
from moorage_serving.gateway.config.cache import CacheConfig
from moorage_serving.gateway.request_body import parse_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Send

    from moorage_serving.gateway.cache.semantic import SemanticIndex
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink
    from moorage_serving.gateway.responses import HeaderList

CHAT = "/v1/chat/completions"
DONE = b"data: [DONE]\n\n"
PATIENCE_SECONDS = 20.0


def chat(question: str = "hi", **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": question}], "temperature": 0, **more}


def event(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def choice(text: str, reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"index": index, "delta": {"content": text}, "finish_reason": reason}


def stream_events(*texts: str, reason: str = "stop") -> list[bytes]:
    """A complete stream, with reasoning before and usage after the text."""
    thought = event({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": None}]})
    tokens = [event({"choices": [choice(text)]}) for text in texts]
    usage = event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": len(texts)}})
    return [thought, *tokens, event({"choices": [choice("", reason)]}), usage, DONE]


def document_answer(text: str = "yes", reason: str = "stop") -> bytes:
    message = {"role": "assistant", "content": text}
    return orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": reason}]})


@dataclass
class Engine:
    """Writes `pieces` and then raises `error`, where there is one; each after a permit where `gated`."""

    pieces: list[bytes] = field(default_factory=lambda: [document_answer()])
    content_type: bytes = b"application/json"
    status: int = 200
    error: Exception | None = None
    gated: bool = False
    calls: int = 0
    running: int = 0
    cancelled: int = 0
    written: int = 0

    def __post_init__(self) -> None:
        self._permits = asyncio.Semaphore(0)

    def permit(self, pieces: int = 1) -> None:
        for _ in range(pieces):
            self._permits.release()

    async def __call__(self, send: Send) -> None:
        self.calls += 1
        self.running += 1
        try:
            headers = [(b"content-type", self.content_type), (b"x-request-id", b"engine"), (b"x-engine", b"1")]
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            for piece in self.pieces:
                if self.gated:
                    await self._permits.acquire()
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self.written += 1
            if self.error is not None:
                if self.gated:
                    await self._permits.acquire()
                raise self.error
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


def streaming(*texts: str, **more: Any) -> Engine:
    return Engine(stream_events(*texts), b"text/event-stream; charset=utf-8", **more)


class Client:
    """What one client got. Reads a piece only when permitted, where `slow`."""

    def __init__(self, *, slow: bool = False) -> None:
        self.start: Message | None = None
        self.pieces: list[bytes] = []
        self.ended = False
        self._permits = asyncio.Semaphore(0) if slow else None

    def permit(self, pieces: int = 1) -> None:
        assert self._permits is not None
        for _ in range(pieces):
            self._permits.release()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert self.start is None
            self.start = message
            return
        assert not self.ended
        if self._permits is not None:
            await self._permits.acquire()
        self.pieces.append(message["body"])
        self.ended = not message["more_body"]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def header(self, name: bytes) -> bytes | None:
        assert self.start is not None
        values = [value for header_name, value in self.start["headers"] if header_name == name]
        assert len(values) <= 1
        return values[0] if values else None

    @property
    def cache_status(self) -> dict[str, Any]:
        """The parameters of Moorage's member of Cache-Status, read by a parser of structured fields."""
        parsed: Any = http_sf.parse(self.header(b"cache-status") or b"", tltype="list")
        ((name, parameters),) = parsed
        assert str(name) == "Moorage"
        return {key: str(value) if isinstance(value, http_sf.Token) else value for key, value in parameters.items()}


@dataclass
class Counted:
    """The cache's metrics, as numbers."""

    registry: CollectorRegistry

    def __call__(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"moorage_gateway_cache_{name}", labels) or 0.0

    def requests(self, outcome: str) -> float:
        return self("requests_total", outcome=outcome)

    def answers(self, result: str) -> float:
        return self("answers_total", result=result)

    def errors(self, operation: str) -> float:
        return self("errors_total", operation=operation)


class Cached:
    """A cache with one tenant in front of engines. `close_all` ends those of a test."""

    opened: ClassVar[list[Cached]] = []

    def __init__(
        self, link: RedisLink, tenant: TenantConfig, semantic: SemanticIndex | None = None, **config: Any
    ) -> None:
        self.tenant = tenant
        self.link = link
        registry = CollectorRegistry()
        self.count = Counted(registry)
        self.cache = ResponseCache(CacheConfig(**config), link, CacheMetrics(registry), semantic)
        self.opened.append(self)

    @classmethod
    async def close_all(cls) -> None:
        while cls.opened:
            await cls.opened.pop().cache.close()

    async def shared(self) -> Self:
        """Other caches can follow this one, and it them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.cache._shared.is_open:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.001)
        return self

    async def ask(
        self,
        engine: Engine,
        document: dict[str, Any],
        *,
        headers: Iterable[tuple[bytes, bytes]] = (),
        client: Client | None = None,
        path: str = CHAT,
        revision: str = "r1",
        tenant: TenantConfig | None = None,
    ) -> tuple[CacheResult, Client]:
        client = client or Client()
        request = parse_request(orjson.dumps(document), can_stream=path != "/v1/embeddings")
        listed: HeaderList = list(headers)
        plan = self.cache.plan(
            tenant=tenant or self.tenant, path=path, headers=listed, request=request, revision=revision
        )
        return await self.cache.answer(plan, engine, client.send), client

    async def settled(self) -> None:
        """Nothing is under way any more: what can be stored is stored."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.count("flights") or self.count("flight_readers"):  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.005)

    async def ask_and_settle(self, engine: Engine, document: dict[str, Any], **more: Any) -> tuple[CacheResult, Client]:
        answer = await self.ask(engine, document, **more)
        await self.settled()
        return answer


async def turns(count: int = 10) -> None:
    """Let everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)
