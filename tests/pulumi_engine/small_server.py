"""An engine small enough to start in a moment: health, and chat completions that name its revision, token by token."""

import argparse
import asyncio
import json
import os
import signal
import sys

from aiohttp import web

TOKENS = 20


def application(revision: str, gap_seconds: float) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"revision": revision, "pid": os.getpid()})

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
    app.add_routes([web.get("/health", health), web.post("/v1/chat/completions", chat)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uds", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--gap-seconds", type=float, default=0.1)
    parser.add_argument("--fail", help="end at once with this error")
    arguments = parser.parse_args()
    if arguments.fail:
        sys.stderr.write(f"Traceback (most recent call last):\n  File ...\nValueError: {arguments.fail}\n")
        sys.exit(1)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    web.run_app(application(arguments.revision, arguments.gap_seconds), path=arguments.uds, shutdown_timeout=20)


if __name__ == "__main__":
    main()
