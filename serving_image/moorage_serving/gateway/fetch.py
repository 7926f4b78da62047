"""Gets one request's answer from an engine: waits for its turn, asks, passes on, and accounts for the tokens."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from moorage_serving.gateway import errors
from moorage_serving.gateway.quota.estimate import estimated_prompt_tokens
from moorage_serving.gateway.record import Outcome
from moorage_serving.gateway.relay import Relay
from moorage_serving.gateway.watch import IdleTimer

if TYPE_CHECKING:
    from starlette.types import Send

    from moorage_serving.gateway.admission.queue import AdmissionQueue
    from moorage_serving.gateway.authentication import Identity
    from moorage_serving.gateway.quota.reservation import Reservation
    from moorage_serving.gateway.record import RequestRecord
    from moorage_serving.gateway.request_body import InferenceRequest
    from moorage_serving.gateway.state import GatewayState
    from moorage_serving.gateway.upstream.generation import Generation
    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer
    from moorage_serving.gateway.upstream.route import EngineCall, Route

UNREACHABLE = errors.upstream_unreachable().code


class Fetch:
    """Called once with an ASGI `send`: the client's own, or that of a flight which several clients read.

    Raises GatewayError. It outlives its client where others read the same flight, so it keeps the tenant's reservation
    and settles it itself.
    """

    __slots__ = (
        "_call",
        "_deadline_seconds",
        "_generation",
        "_identity",
        "_record",
        "_request",
        "_reservation",
        "_route",
        "_state",
        "began",
    )

    def __init__(
        self,
        state: GatewayState,
        generation: Generation,
        route: Route,
        identity: Identity,
        request: InferenceRequest,
        call: EngineCall,
        record: RequestRecord,
        reservation: Reservation,
        deadline_seconds: float,
    ) -> None:
        self._state = state
        self._generation = generation
        self._route = route
        self._identity = identity
        self._request = request
        self._call = call
        self._record = record
        self._reservation = reservation
        self._deadline_seconds = deadline_seconds
        self.began = False

    @property
    def revision(self) -> str:
        """Which weights are asked; others answer only where these cannot."""
        return self._call.revision or self._route.revision

    async def __call__(self, send: Send) -> None:
        self.began = True
        self._generation.enter()
        prompt_tokens = estimated_prompt_tokens(len(self._call.body))
        used_tokens = 0
        relay: Relay | None = None
        try:
            opened, queue = await self._open_in_turn()
            try:
                used_tokens = prompt_tokens
                self._forget_prompt()
                relay = Relay(opened, send, strips_usage=self._request.strips_usage)
                await self._pass_on(opened, relay)
            finally:
                queue.leave()
        finally:
            if relay is not None:
                used_tokens = self._count(relay) or prompt_tokens + relay.events
            self._reservation.settle(used_tokens)
            self._generation.leave()

    async def _open_in_turn(self) -> tuple[OpenedAnswer, AdmissionQueue]:
        """An answer that has begun, and the queue to leave when it is over.

        Where the only engine has just scaled to zero, the request waits for the next one instead of failing.
        """
        until = time.monotonic() + self._deadline_seconds
        while True:
            self._follow_reload()
            queue = self._state.queues[self._route.model]
            left_seconds = max(0.0, until - time.monotonic())
            await queue.enter(tenant=self._identity.tenant, deadline_seconds=left_seconds)
            opened: OpenedAnswer | None = None
            try:
                self._follow_reload()
                opened = await self._open()
                if opened is not None:
                    return opened, queue
            finally:
                if opened is None:
                    queue.leave()

    def _follow_reload(self) -> None:
        """Who has waited goes to the engines of today. Raises GatewayError (404) where it may ask for none of them."""
        active = self._state.active
        if active is self._generation:
            return
        self._route = active.route_for(self._request.model, self._identity.tenant)
        active.enter()
        self._generation.leave()
        self._generation = active

    async def _open(self) -> OpenedAnswer | None:
        """None where there is nobody now, but can be."""
        try:
            return await self._route.open(self._call)
        except errors.GatewayError as error:
            if error.code == UNREACHABLE and self._route.can_be_started and self._route.capacity() == 0:
                return None
            raise
        finally:
            self._record.upstream = self._call.upstream_name

    async def _pass_on(self, opened: OpenedAnswer, relay: Relay) -> None:
        self._record.revision = opened.endpoint.config.revision
        idle_seconds = self._generation.config.timeouts.idle_seconds
        timer = IdleTimer(idle_seconds)
        failed = True
        try:
            await relay.run(timer)
            failed = False
        except asyncio.CancelledError:
            await relay.seal()
            if not timer.absorb():
                failed = False  # it was not the engine's fault
                raise
            self._record.outcome = Outcome.UPSTREAM_TIMEOUT
            raise errors.upstream_timeout(f"The engine was silent for {idle_seconds:g} s.") from None
        except errors.GatewayError:
            self._record.outcome = Outcome.UPSTREAM_FAILED
            await relay.seal()
            raise
        finally:
            timer.stop()
            opened.close(failed=failed)

    def _forget_prompt(self) -> None:
        """A stream can be open for long after a large prompt."""
        self._request.drop()
        self._call.body = b""

    def _count(self, relay: Relay) -> int:
        """Account for what the engine told of tokens; 0 where it did not."""
        usage = relay.usage
        self._record.usage = usage
        if usage is None:
            return 0
        self._state.metrics.requests.count_tokens(usage, self._call.path, self._request.model, self._identity.tenant.id)
        if (ledger := self._state.services.ledger) is not None:
            ledger.add(self._identity.key_id, usage)
        return usage.prompt_tokens + usage.completion_tokens
