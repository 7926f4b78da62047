"""AWS Lambda's Runtime API and Extensions API, as an environment sees them.

docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, runtimes-extensions-api.html and
runtimes-custom.html#runtimes-custom-response-streaming (read 2026-11-25): the runtime asks for the next invocation and
gets its event; it answers with one body, or streams it in chunks, of which the first has the status and the headers as
JSON and then eight zero bytes.
"""

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMING = "application/vnd.awslambda.http-integration-response"
SEPARATOR = b"\0" * 8
INVOCATION_SECONDS = 60


@dataclass
class Invocation:
    """One event, and what the function has answered."""

    event: dict[str, Any]
    seconds: float = INVOCATION_SECONDS
    """The function's timeout."""
    id: str = field(default_factory=lambda: str(uuid4()))
    mode: str | None = None
    content_type: str | None = None
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    """When each came, on the clock of `time.monotonic`."""
    error: dict[str, Any] | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def payload(self) -> bytes:
        """All of it, as whoever gets it that is no HTTP client."""
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def _parts(self) -> tuple[bytes, bytes, bytes]:
        return self.payload.partition(SEPARATOR)

    @property
    def prelude(self) -> dict[str, Any]:
        head, separator, _ = self._parts
        assert separator == SEPARATOR, self.chunks
        return json.loads(head)

    @property
    def status(self) -> int:
        return self.prelude["statusCode"]

    @property
    def body(self) -> bytes:
        return self._parts[2]


class RuntimeApi:
    """A server for one environment. Use as a context manager."""

    def __init__(self) -> None:
        self.address = ""
        self.extensions: list[str] = []
        self.init_error: bytes | None = None
        self.idle = threading.Event()
        """Set while the runtime waits for the next invocation: then Lambda freezes the environment."""
        self.freeze: Callable[[], None] = lambda: None
        self.thaw: Callable[[], None] = lambda: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._waiting: asyncio.Queue[Invocation] = asyncio.Queue()
        self._running: dict[str, Invocation] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self.address = self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def invoke(self, event: dict[str, Any], seconds: float = INVOCATION_SECONDS) -> Invocation:
        """Returns when the function has answered, which is told that it has so many seconds."""
        invocation = self.begin(event, seconds)
        assert invocation.done.wait(INVOCATION_SECONDS), "the function has not answered"
        return invocation

    def begin(self, event: dict[str, Any], seconds: float = INVOCATION_SECONDS) -> Invocation:
        """Returns at once."""
        invocation = Invocation(event, seconds)
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, invocation)
        return invocation

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> str:
        application = web.Application(client_max_size=2**28)
        invocation = "/2018-06-01/runtime/invocation"
        application.router.add_get(f"{invocation}/next", self._next)
        application.router.add_post(f"{invocation}/{{id}}/response", self._response)
        application.router.add_post(f"{invocation}/{{id}}/error", self._error)
        application.router.add_post("/2018-06-01/runtime/init/error", self._init_error)
        application.router.add_post("/2020-01-01/extension/register", self._register)
        application.router.add_get("/2020-01-01/extension/event/next", self._extension_next)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return "{}:{}".format(*self._runner.addresses[0])

    async def _next(self, _: web.Request) -> web.Response:
        if self._waiting.empty():
            self.idle.set()
            self.freeze()
        invocation = await self._waiting.get()
        self.idle.clear()
        self.thaw()
        self._running[invocation.id] = invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:moorage:live",
            "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        }
        return web.json_response(invocation.event, headers=headers)

    async def _response(self, request: web.Request) -> web.Response:
        invocation = self._running[request.match_info["id"]]
        invocation.mode = request.headers.get("Lambda-Runtime-Function-Response-Mode")
        invocation.content_type = request.content_type
        async for chunk in request.content.iter_any():
            invocation.chunks.append((time.monotonic(), chunk))
        invocation.done.set()
        return web.json_response({"status": "OK"}, status=202)

    async def _error(self, request: web.Request) -> web.Response:
        invocation = self._running[request.match_info["id"]]
        invocation.error = await request.json()
        invocation.done.set()
        return web.json_response({"status": "OK"}, status=202)

    async def _init_error(self, request: web.Request) -> web.Response:
        self.init_error = await request.read()
        return web.json_response({"status": "OK"}, status=202)

    async def _register(self, request: web.Request) -> web.Response:
        self.extensions.append(request.headers["Lambda-Extension-Name"])
        function = {"functionName": "moorage", "functionVersion": "1", "handler": ""}
        return web.json_response(function, headers={"Lambda-Extension-Identifier": str(uuid4())})

    async def _extension_next(self, _: web.Request) -> web.Response:
        """There is none: the adapter registers for no event, and is ended with the environment."""
        await asyncio.Event().wait()
        raise AssertionError
