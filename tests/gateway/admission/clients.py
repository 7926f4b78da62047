"""Requests in front of a queue, without gateway or engine."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from moorage_serving.gateway.admission.queue import AdmissionQueue
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import GatewayError

if TYPE_CHECKING:
    from .virtual_time import VirtualTimeLoop

TENANT = TenantConfig(id="tenant")


class Room:
    """A queue whose `limit` the test sets, and requests that enter it."""

    def __init__(self, loop: VirtualTimeLoop, *, limit: int | None = 1, max_queue_length: int = 200) -> None:
        self.loop = loop
        self.limit = limit
        self.queue = AdmissionQueue(lambda: self.limit, max_queue_length=max_queue_length, clock=loop.time)

    def set_limit(self, limit: int | None) -> None:
        self.limit = limit
        self.queue.limit_changed()
        self.settle()

    def request(self, tenant: TenantConfig = TENANT, deadline_seconds: float = 60) -> Request:
        """A request that has got as far as it can without time passing."""
        request = Request(self, tenant, deadline_seconds)
        self.settle()
        return request

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(4):
            self.loop.run_until_complete(asyncio.sleep(0))

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    def serve(self, requests: int, service_seconds: float) -> None:
        """Have requests served one after the other, so that the queue knows how long that takes."""
        for _ in range(requests):
            request = self.request()
            self.wait(service_seconds)
            request.leave()


class Request:
    """One request: waits, or `has_place`, or has an `error`."""

    def __init__(self, room: Room, tenant: TenantConfig, deadline_seconds: float) -> None:
        self._room = room
        self.tenant = tenant
        entering = room.queue.enter(tenant=tenant, deadline_seconds=deadline_seconds)
        self._task = room.loop.create_task(entering)

    @property
    def waits(self) -> bool:
        return not self._task.done()

    @property
    def has_place(self) -> bool:
        return self._task.done() and not self._task.cancelled() and self._task.exception() is None

    @property
    def error(self) -> GatewayError:
        assert self._task.done(), "it still waits"
        error = self._task.exception()
        assert isinstance(error, GatewayError), "it got a place"
        return error

    @property
    def retry_after_seconds(self) -> int:
        return int(dict(self.error.headers)[b"retry-after"])

    def leave(self) -> None:
        """End the request that has a place."""
        assert self.has_place
        self._room.queue.leave()
        self._room.settle()

    def disconnect(self) -> None:
        """The client goes, noticed with the loop's next turn."""
        self._task.cancel()

    def disconnect_and_settle(self) -> None:
        self.disconnect()
        with contextlib.suppress(asyncio.CancelledError, GatewayError):
            self._room.loop.run_until_complete(self._task)
        self._room.settle()
