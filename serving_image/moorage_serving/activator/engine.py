"""The engine's own HTTP interface: whether it answers, and whether it has anything to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

HEALTH_TIMEOUT_SECONDS = 2.0
METRICS_TIMEOUT_SECONDS = 10.0
OK = 200
# vllm/v1/metrics/loggers.py, vLLM 0.32.0
RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
PROMPT_TOKENS, FINISHED = "vllm:prompt_tokens_total", "vllm:request_success_total"


class EngineError(Exception):
    """The engine does not answer, or does not say what it does."""


class Activity(NamedTuple):
    """`work_done` grows with every request, so that one which came and went between two looks is seen too."""

    requests: float
    work_done: float


class Engine:
    """Each question has a connection of its own, so that none is open while nothing is asked."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    async def is_ready(self) -> bool:
        try:
            await self._get("/health", HEALTH_TIMEOUT_SECONDS)
        except EngineError:
            return False
        return True

    async def activity(self) -> Activity:
        """Raises EngineError."""
        return activity_of(await self._get("/metrics", METRICS_TIMEOUT_SECONDS))

    async def _get(self, path: str, timeout_seconds: float) -> str:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        connector = aiohttp.UnixConnector(self._socket, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get(f"http://localhost{path}") as answer,
            ):
                if answer.status != OK:
                    raise EngineError(f"{path} answered {answer.status}")
                return await answer.text()
        except (aiohttp.ClientError, OSError) as error:
            raise EngineError(f"{path}: {type(error).__name__}") from error


def activity_of(metrics: str) -> Activity:
    """What vLLM's metrics tell. Raises EngineError where they lack what is needed."""
    try:
        totals = _totals(metrics)
    except ValueError as error:
        raise EngineError(f"/metrics cannot be read: {error}") from error
    missing = [name for name in (RUNNING, WAITING, PROMPT_TOKENS, FINISHED) if name not in totals]
    if missing:
        raise EngineError(f"/metrics lacks {', '.join(missing)}")
    return Activity(totals[RUNNING] + totals[WAITING], totals[PROMPT_TOKENS] + totals[FINISHED])


def _totals(metrics: str) -> Mapping[str, float]:
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals
