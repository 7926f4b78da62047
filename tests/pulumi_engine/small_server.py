"""An engine small enough to start in a moment: health, and chat completions that name its revision, token by token.

Its log and its metrics have vLLM's words, and it ends as vLLM does: after SIGTERM it finishes what runs, and still
listens, but answers 500 to what comes.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

TOKENS = 20
TEARDOWN_SECONDS = 0.5


class Work:
    """What it has to do, in the four metrics that tell."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.running = Gauge("vllm:num_requests_running", "", registry=self.registry)
        Gauge("vllm:num_requests_waiting", "", registry=self.registry)
        Counter("vllm:prompt_tokens", "", registry=self.registry)
        self.finished = Counter("vllm:request_success", "", registry=self.registry)
        self.in_flight = 0
        self.draining = False
        self._done = asyncio.Event()

    async def end_gracefully(self, _: web.Application) -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            raise web.GracefulExit

        async def drain() -> None:
            self.draining = True
            if self.in_flight:
                await self._done.wait()
            loop.call_later(TEARDOWN_SECONDS, end)

        self._drains: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGTERM, lambda: self._drains.add(loop.create_task(drain())))

    def counted(
        self, handler: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]:
        async def count(request: web.Request) -> web.StreamResponse:
            if self.draining:
                return web.json_response({"error": "cannot schedule new futures after shutdown"}, status=500)
            self.in_flight += 1
            try:
                with self.running.track_inprogress():
                    return await handler(request)
            finally:
                self.in_flight -= 1
                self.finished.inc()
                if self.draining and not self.in_flight:
                    self._done.set()

        return count


def application(revision: str, gap_seconds: float) -> web.Application:
    work = Work()

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"revision": revision, "pid": os.getpid()})

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(work.registry))

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            message = {"role": "assistant", "content": revision}
            return web.json_response({"object": "chat.completion", "choices": [{"index": 0, "message": message}]})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(TOKENS):
            delta = {"choices": [{"index": 0, "delta": {"content": revision}}]}
            await response.write(f"data: {json.dumps(delta)}\n\n".encode())
            await asyncio.sleep(gap_seconds)
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.on_startup.append(work.end_gracefully)
    app.add_routes(
        [
            web.get("/health", health),
            web.get("/metrics", show_metrics),
            web.post("/v1/chat/completions", work.counted(chat)),
        ]
    )
    return app


def load_weights(seconds: float) -> None:
    sys.stdout.write("(Worker pid=1) INFO 11-23 09:52:27 [cpu_model_runner.py:68] Starting to load model small...\n")
    sys.stdout.flush()
    time.sleep(seconds)
    sys.stdout.write(f"(Worker pid=1) INFO 11-23 09:52:27 [default_loader.py:501] Loading weights took {seconds} s\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uds", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--gap-seconds", type=float, default=0.1)
    parser.add_argument("--load-seconds", type=float, default=0.0)
    parser.add_argument("--fail", help="end at once with this error")
    arguments = parser.parse_args()
    if arguments.fail:
        sys.stderr.write(f"Traceback (most recent call last):\n  File ...\nValueError: {arguments.fail}\n")
        sys.exit(1)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    load_weights(arguments.load_seconds)
    web.run_app(application(arguments.revision, arguments.gap_seconds), path=arguments.uds, handle_signals=False)


if __name__ == "__main__":
    main()
