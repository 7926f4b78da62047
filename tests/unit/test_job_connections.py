"""What a worker's connection to its endpoint is, while a long job is awaited on it."""

import asyncio
import socket

import aiohttp
from aiohttp import web

from moorage_serving.jobs.connections import KEEP_ALIVE_SECONDS, open_connector

NAT_GATEWAY_IDLE_SECONDS = 350


def test_a_silent_connection_is_kept_alive_before_a_nat_gateway_forgets_it():
    is_kept_alive, idle_seconds, interval_seconds = asyncio.run(options_of_a_connection_that_waits())
    assert is_kept_alive
    assert idle_seconds == interval_seconds == KEEP_ALIVE_SECONDS < NAT_GATEWAY_IDLE_SECONDS


async def options_of_a_connection_that_waits() -> tuple[int, int, int]:
    """Whether TCP keeps it alive, after which silence, and how often."""
    answered = asyncio.Event()

    async def begin(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await answered.wait()
        return response

    runner = web.ServerRunner(web.Server(begin))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession(connector=open_connector()) as session, session.get(url) as response:
            assert response.connection is not None
            assert response.connection.transport is not None
            made: socket.socket = response.connection.transport.get_extra_info("socket")
            return (
                made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            )
    finally:
        answered.set()
        await runner.cleanup()
