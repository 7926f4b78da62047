"""Asks a second endpoint when the first is late, and takes the answer that comes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway.upstream.opened_answer import FAILED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer

    Ask = Coroutine[None, None, OpenedAnswer]
    Task = asyncio.Task[OpenedAnswer]


async def first_answer(first: Ask, after_seconds: float, second: Callable[[], Ask | None]) -> OpenedAnswer:
    """The first good answer, or what the last of both brought: a failed answer or an error.

    `second` is called when the first has not begun after so many seconds; None: there is nobody else to ask. What
    loses is cancelled, which breaks its connection and so makes its engine stop.
    """
    tasks: list[Task] = [asyncio.ensure_future(first)]
    winner: Task | None = None
    try:
        await asyncio.wait(tasks, timeout=after_seconds)
        if not tasks[0].done() and (other := second()) is not None:
            tasks.append(asyncio.ensure_future(other))
        winner = await _first_good(tasks)
        return winner.result()
    finally:
        for task in tasks:
            if task is not winner:
                task.add_done_callback(_throw_away)
                task.cancel()


async def _first_good(tasks: list[Task]) -> Task:
    pending = set(tasks)
    last: Task | None = None
    while last is None or pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.exception() is None and task.result().status not in FAILED_STATUSES:
                return task
            # Of two failures, an engine's own words are worth more than ours.
            if last is None or last.exception() is not None or task.exception() is None:
                last = task
    return last


def _throw_away(task: Task) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
