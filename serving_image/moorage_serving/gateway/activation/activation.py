"""Has an engine started while requests wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import structlog

from moorage_serving.gateway.upstream.openai_http import CONNECT_ERRORS, READ_ERRORS, open_connector

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.activation.metrics import ActivationMetrics

log = structlog.get_logger("activation")
# The hook answers at once; it is called again in case a call was lost, or the engine has ended meanwhile.
CALL_SECONDS = 3.0
CALL_TIMEOUT_SECONDS = 2.0
# Requests that wait go on within so long of the engine's first answer.
LOOK_SECONDS = 0.05


class Activation:
    """The hook of one upstream. Made in the event loop; to be closed.

    `is_wanted` says whether requests wait that nobody can answer. `look` has the engine probed now, not at the next
    turn: it is called many times a second as long as it is wanted.
    """

    def __init__(
        self,
        upstream: str,
        address: str,
        metrics: ActivationMetrics,
        *,
        is_wanted: Callable[[], bool],
        look: Callable[[], None],
    ) -> None:
        self._upstream = upstream
        self._is_wanted = is_wanted
        self._look = look
        self._calls = metrics.calls.labels(upstream)
        self._failures = metrics.failures.labels(upstream)
        connector, base_url = open_connector(address)
        self._url = f"{base_url}/activate"
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_SECONDS)
        )
        self._waiting: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """A request is about to wait. Returns at once; nothing happens where the engine has been asked for."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._bring_up())

    async def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        await self._session.close()

    async def _bring_up(self) -> None:
        # The request that asked has yet to take its place in the queue.
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as calls:
            calling: asyncio.Task[None] | None = None
            while self._is_wanted():
                if calling is None or calling.done():
                    calling = calls.create_task(self._call_and_pause())
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
            if calling is not None:
                calling.cancel()

    async def _call_and_pause(self) -> None:
        self._calls.inc()
        try:
            async with self._session.post(self._url, json={"upstream": self._upstream}) as answer:
                problem = None if answer.ok else f"answered {answer.status}"
        except (TimeoutError, *CONNECT_ERRORS, *READ_ERRORS) as error:
            problem = type(error).__name__
        if problem is not None:
            self._failures.inc()
            log.warning("activation_failed", upstream=self._upstream, problem=problem)
        await asyncio.sleep(CALL_SECONDS)
