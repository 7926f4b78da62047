"""A programmable OpenAI engine: real sockets, deterministic answers, faults on request.

Each request programs its own answer through the body's `fake_engine` object (see `Program`), which an OpenAI client
sends as `extra_body={"fake_engine": {...}}`. The last user message (or the prompt, or the input) is echoed as the
first token, so that an answer that belongs to another request is seen at once.

Runs inside a test (`FakeEngine.start` in an event loop of its own thread: see conftest) or as a process:
`python fake_engine.py --port 9000`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field, fields, replace
from typing import Any

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}
STALL_SECONDS = 3600.0
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Program:
    """What one answer looks like. Faults other than `status` take effect after `tokens` tokens, where there are any."""

    time_to_first_token_seconds: float = 0.0
    inter_token_seconds: float = 0.0
    tokens: int = 3
    status: int = 200
    # reset_before_headers | stall_before_headers | malformed_headers | stall_after_headers | reset | stall |
    # truncate (the connection is closed in order, but before the end) | malformed_chunk
    fault: str = ""
    write_bytes: int = 0  # cut the stream into HTTP chunks of this size, wherever that falls; 0: one per event
    padding_bytes: int = 0  # makes every token this much longer
    running_usage: bool = False  # as vLLM's `continuous_usage_stats`: usage so far in every event
    usage_null: bool = False  # as OpenAI does: `"usage": null` in every event before the last
    retry_after_seconds: int = 0  # said with a `status` other than 200
    finish_reason: str = "stop"


@dataclass
class Counters:
    """What the engine saw since it started."""

    requests: int = 0
    completed: int = 0
    aborted: int = 0
    running: int = 0
    most_running: int = 0
    tokens: int = 0
    connections: int = 0

    @property
    def waiting(self) -> int:
        """Requests that have come, and that the engine has no place for yet."""
        return self.requests - self.completed - self.aborted - self.running


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeEngine:
    """One engine; `model` is what it serves, `healthy` what its /health says.

    `capacity`: requests that it works on at one time, as vLLM's `max_num_seqs`; more wait inside. None: any number.
    `program` overrides what requests ask for: a fault of this engine, whatever it is asked. `others_running`: requests
    that did not come through here, for /metrics, which is not there without `has_metrics`. `may_answer`: nothing is
    answered while it is not set. `may_go_on`: no stream gets beyond its first token while it is not set. `replies`:
    what it says, in one token, to a last user message that is among them.
    """

    model: str = "moored"
    healthy: bool = True
    has_metrics: bool = True
    program: dict[str, Any] = field(default_factory=dict)
    others_running: int = 0
    capacity: int | None = None
    replies: dict[str, str] = field(default_factory=dict)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    counters: Counters = field(default_factory=Counters)
    received: deque[Received] = field(default_factory=lambda: deque(maxlen=5000))
    answers: deque[bytes] = field(default_factory=lambda: deque(maxlen=50))

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.may_go_on.set()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._places = contextlib.nullcontext() if self.capacity is None else asyncio.Semaphore(self.capacity)

    async def start(self, *, host: str = "127.0.0.1", port: int = 0, path: str | None = None) -> str:
        """Listen on TCP or, with `path`, on a unix socket; returns the address as a gateway's configuration has it."""
        if path is not None:
            self._server = await asyncio.start_unix_server(self._connected, path, backlog=2048)
            return f"unix://{path}"
        self._server = await asyncio.start_server(self._connected, host, port, backlog=2048)
        return "http://{}:{}".format(*self._server.sockets[0].getsockname()[:2])

    async def stop(self) -> None:
        """Close the listener and break every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def close_idle_connections(self) -> None:
        """What an engine does after its keep-alive time, or when it restarts."""
        for writer in self._idle:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.counters.connections += 1
        try:
            begun: bytes | None = b""
            while begun is not None:
                begun = await self._serve_one(begun, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.counters.connections -= 1
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve_one(
        self, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Serve a request that begins with `begun`; what was read of the next one, None when there will be none."""
        self._idle.add(writer)
        try:
            head = (begun + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        finally:
            self._idle.discard(writer)
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Received(method, path, headers, body)
        answer = asyncio.create_task(self._answer(request, writer))
        client_left = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((answer, client_left), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and not client_left.result():
                return None
            kept = await answer
            if not kept:
                return None
            return client_left.result() if client_left.done() else b""
        finally:
            for task in (answer, client_left):
                task.cancel()
            await asyncio.gather(answer, client_left, return_exceptions=True)

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        if not request.path.startswith("/v1/") or request.method != "POST":
            await self._answer_plain(request.path, writer)
            return True
        self.received.append(request)
        self.counters.requests += 1
        finished = False
        try:
            async with self._places:
                self.counters.running += 1
                self.counters.most_running = max(self.counters.most_running, self.counters.running)
                try:
                    kept = await Generation(self, request, writer).run()
                finally:
                    self.counters.running -= 1
            finished = True
        finally:
            self.counters.completed += finished
            self.counters.aborted += not finished
        return kept

    async def _answer_plain(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/health":
            await write_document(writer, 200 if self.healthy else 500, b"")
        elif path == "/metrics":
            status, text = (200, self.metrics()) if self.has_metrics else (404, "")
            await write_document(writer, status, text.encode(), "text/plain")
        elif path == "/v1/models":
            await write_document(writer, 200, json.dumps({"object": "list", "data": [{"id": self.model}]}).encode())
        else:
            await write_document(writer, 404, b'{"error":{"message":"no such path"}}')

    def metrics(self) -> str:
        """Some of vLLM's, as it writes them."""
        values = {
            "num_requests_running": self.counters.running + self.others_running,
            "num_requests_waiting": self.counters.waiting,
            "prompt_tokens_total": 7 * self.counters.requests,
            "generation_tokens_total": self.counters.tokens,
        }
        labels = f'engine="0",model_name="{self.model}"'
        return "".join(f"vllm:{name}{{{labels}}} {float(value)}\n" for name, value in values.items())


class Generation:
    """One answer being written."""

    def __init__(self, engine: FakeEngine, request: Received, writer: asyncio.StreamWriter) -> None:
        self.engine, self.writer = engine, writer
        self.asked, self.refuses = read(request)
        known = {item.name for item in fields(Program)}
        given = self.asked.get("fake_engine")
        wanted = {k: v for k, v in given.items() if k in known} if isinstance(given, dict) else {}
        self.program = Program(**(wanted | engine.program))
        self.chat = "chat" in request.path
        self.embeddings = "embeddings" in request.path
        self.echo = last_text(self.asked)
        if (reply := engine.replies.get(self.echo)) is not None:
            self.echo, self.program = reply, replace(self.program, tokens=1)
        self.written = bytearray()

    async def run(self) -> bool:
        """Write the answer; whether the connection can be used again."""
        program = self.program
        if self.refuses:
            await write_document(self.writer, 400, b'{"error":{"message":"not valid","type":"BadRequestError"}}')
            return True
        if program.fault == "malformed_headers":
            self.writer.write(b"HTTP/1.1 abc\r\nno colon here\r\n\r\n")
            return False
        if program.fault == "stall_before_headers":
            await asyncio.sleep(STALL_SECONDS)
        await self.engine.may_answer.wait()
        if program.time_to_first_token_seconds:
            await asyncio.sleep(program.time_to_first_token_seconds)
        if program.fault == "reset_before_headers":
            return self.reset()
        if program.status != 200:
            error = {"error": {"message": "as told", "type": "BadRequestError", "param": None, "code": program.status}}
            retry_after = {"retry-after": str(program.retry_after_seconds)} if program.retry_after_seconds else {}
            await write_document(self.writer, program.status, json.dumps(error).encode(), more_headers=retry_after)
            return True
        streamed = self.asked.get("stream") is True and not self.embeddings
        return await (self.stream() if streamed else self.document())

    @property
    def usage(self) -> dict[str, int]:
        completion = 0 if self.embeddings else self.program.tokens
        return {"prompt_tokens": 7, "completion_tokens": completion, "total_tokens": 7 + completion}

    def token(self, index: int) -> str:
        self.engine.counters.tokens += 1
        text = self.echo if index == 0 else f" t{index}"
        return text + "." * self.program.padding_bytes

    async def document(self) -> bool:
        program = self.program
        if program.inter_token_seconds:
            await asyncio.sleep(program.inter_token_seconds * program.tokens)
        text = "".join(self.token(index) for index in range(program.tokens))
        answer: dict[str, Any] = {"id": "fake-1", "created": 1, "model": self.engine.model}
        if self.embeddings:
            answer |= {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]}
        elif self.chat:
            message = {"role": "assistant", "content": text}
            answer |= {
                "object": "chat.completion",
                "choices": [{"index": 0, "message": message, "finish_reason": program.finish_reason}],
            }
        else:
            choice = {"index": 0, "text": text, "finish_reason": program.finish_reason}
            answer |= {"object": "text_completion", "choices": [choice]}
        self.written += json.dumps(answer | {"usage": self.usage}).encode()
        self.engine.answers.append(bytes(self.written))
        cut = program.fault in {"truncate", "reset", "stall"}
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(self.written)}\r\n\r\n"
        self.writer.write(head.encode() + (self.written[:40] if cut else self.written))
        await self.writer.drain()
        return await self.fail() if cut else True

    async def stream(self) -> bool:
        program = self.program
        self.writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        if program.fault == "stall_after_headers":
            await asyncio.sleep(STALL_SECONDS)
        for index in range(program.tokens):
            if index:
                await self.engine.may_go_on.wait()
            if index and program.inter_token_seconds:
                await asyncio.sleep(program.inter_token_seconds)
            await self.event([self.choice(self.token(index), None)])
        if program.fault:
            return await self.fail()
        await self.event([self.choice("", program.finish_reason)])
        if (self.asked.get("stream_options") or {}).get("include_usage"):
            await self.event([], self.usage)
        self.engine.answers.append(bytes(self.written + DONE))
        await self.write(DONE)
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        return True

    def choice(self, text: str, finish_reason: str | None) -> dict[str, Any]:
        content: dict[str, Any] = {"delta": {"content": text}} if self.chat else {"text": text}
        return {"index": 0, **content, "finish_reason": finish_reason}

    async def event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> None:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        event: dict[str, Any] = {"id": "fake-1", "object": kind, "created": 1, "model": self.engine.model}
        event["choices"] = choices
        if self.program.running_usage:
            usage = self.usage
        if usage is not None or self.program.usage_null:
            event["usage"] = usage
        await self.write(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n")

    async def write(self, data: bytes) -> None:
        self.written += data
        size = self.program.write_bytes or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if self.program.write_bytes:
                await asyncio.sleep(0)
        await self.writer.drain()

    async def fail(self) -> bool:
        fault = self.program.fault
        if fault == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if fault == "malformed_chunk":
            self.writer.write(b"this is no chunk size\r\n")
        if fault == "reset":
            await asyncio.sleep(0.05)  # a reset overtakes what was written just before it
            return self.reset()
        return False

    def reset(self) -> bool:
        sock: socket.socket = self.writer.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        return False


def read(request: Received) -> tuple[dict[str, Any], bool]:
    """What is asked, and whether an engine would refuse it."""
    try:
        asked = request.json()
    except (ValueError, RecursionError):
        return {}, True
    return asked, not isinstance(asked.get("stream_options"), dict | None)


def last_text(asked: dict[str, Any]) -> str:
    """The last message's text, the prompt or the input, as far as it is a string."""
    messages = asked.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        return str(messages[-1].get("content"))
    return str(asked.get("prompt", asked.get("input")))


async def write_document(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    content_type: str = "application/json",
    more_headers: dict[str, str] | None = None,
) -> None:
    head = f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\ncontent-type: {content_type}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (more_headers or {}).items())
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


async def serve(port: int, path: str | None, capacity: int | None) -> None:
    engine = FakeEngine(capacity=capacity)
    print(await engine.start(port=port, path=path), flush=True)  # noqa: T201 - whoever started the process reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--path")
    arguments.add_argument("--capacity", type=int)
    options = arguments.parse_args()
    uvloop.run(serve(options.port, options.path, options.capacity))
