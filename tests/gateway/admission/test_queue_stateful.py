"""Whatever happens in whatever order: the queue does what a plain model of it does, and no place leaks."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from moorage_serving.gateway.config.tenants import TenantConfig

from .clients import Request, Room
from .virtual_time import VirtualTimeLoop

MAX_QUEUE_LENGTH = 4
TENANTS = [
    TenantConfig(id="batch", priority=-1),
    TenantConfig(id="one"),
    TenantConfig(id="other", weight=3),
    TenantConfig(id="paying", priority=1),
]
LIMITS = st.one_of(st.none(), st.integers(0, 3))


class AdmissionMachine(RuleBasedStateMachine):
    """Several things can happen in one turn of the loop: `settle` is a rule of its own.

    The model: who asked, who left, who was told what. From these follow the numbers that the queue must show.
    """

    served: Bundle[Request] = Bundle("served")
    waiting: Bundle[Request] = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.room = Room(self.loop, limit=1, max_queue_length=MAX_QUEUE_LENGTH)
        self.all: list[Request] = []
        self.ended: set[Request] = set()
        self.leavers: set[Request] = set()
        self.settled = True

    @rule(target=waiting, tenant=st.sampled_from(TENANTS), deadline_seconds=st.sampled_from([1.0, 3.0, 60.0]))
    def ask(self, tenant: TenantConfig, deadline_seconds: float) -> Request:
        request = Request(self.room, tenant, deadline_seconds)
        self.all.append(request)
        self.settled = False
        return request

    @rule(target=served, request=consumes(waiting))
    def find_out(self, request: Request) -> object:
        self.settle()
        return request if request.has_place and request not in self.leavers else multiple()

    @rule(request=consumes(served))
    def end(self, request: Request) -> None:
        self.room.queue.leave()
        self.ended.add(request)
        self.settled = False

    @rule(request=consumes(waiting))
    def client_leaves(self, request: Request) -> None:
        if request.waits:
            request.disconnect()
            self.leavers.add(request)
        elif request.has_place:
            self.room.queue.leave()
            self.ended.add(request)
        self.settled = False

    @rule(limit=LIMITS)
    def limit_changes(self, limit: int | None) -> None:
        self.room.limit = limit
        self.room.queue.limit_changed()
        self.settled = False

    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.room.wait(seconds)
        self.settled = True

    @rule()
    def settle(self) -> None:
        self.room.settle()
        self.settled = True

    @invariant()
    def the_queue_is_bounded(self) -> None:
        assert 0 <= self.room.queue.queued <= MAX_QUEUE_LENGTH
        assert self.room.queue.in_service >= 0

    @invariant()
    def the_queue_counts_what_the_model_counts(self) -> None:
        if not self.settled:
            return
        has_place = [request for request in self.all if request.has_place and request not in self.ended]
        waits = [request for request in self.all if request.waits]
        assert (self.room.queue.in_service, self.room.queue.queued) == (len(has_place), len(waits))

    @invariant()
    def nobody_waits_while_there_is_a_place_for_them(self) -> None:
        limit, queue = self.room.limit, self.room.queue
        if self.settled and queue.queued:
            assert limit is not None
            assert queue.in_service >= limit

    @invariant()
    def everybody_who_was_turned_away_was_told_why(self) -> None:
        for request in self.all:
            if not request.waits and not request.has_place and request not in self.leavers:
                assert request.error.status == 503
                assert 1 <= request.retry_after_seconds <= 60

    def teardown(self) -> None:
        self.room.settle()
        for request in self.all:
            if request.waits:
                request.disconnect_and_settle()
            elif request.has_place and request not in self.ended:
                request.leave()
                self.ended.add(request)
        self.room.settle()
        for request in self.all:
            if request.has_place and request not in self.ended:  # got its place from one that ended just now
                request.leave()
                self.ended.add(request)
        assert (self.room.queue.in_service, self.room.queue.queued) == (0, 0)
        self.loop.close()


TestAdmission = AdmissionMachine.TestCase
TestAdmission.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
