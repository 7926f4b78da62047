"""Who gets a place, who waits, and who is turned away, on a clock that jumps."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.config.tenants import TenantConfig

from .clients import Room

if TYPE_CHECKING:
    from .virtual_time import VirtualTimeLoop

LOW, HIGH = TenantConfig(id="batch", priority=-1), TenantConfig(id="paying", priority=1)
ONE, OTHER, HEAVY = TenantConfig(id="one"), TenantConfig(id="other"), TenantConfig(id="heavy", weight=3)


def test_as_many_as_the_limit_allows_have_a_place_and_the_next_gets_the_one_that_is_left(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=2)
    first, second, third = (room.request() for _ in range(3))
    assert (first.has_place, second.has_place, third.waits) == (True, True, True)
    assert (room.queue.in_service, room.queue.queued) == (2, 1)
    first.leave()
    assert third.has_place
    assert (room.queue.in_service, room.queue.queued) == (2, 0)


def test_without_a_limit_nobody_waits(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=None)
    assert all(room.request().has_place for _ in range(1000))


def test_a_burst_in_one_turn_of_the_loop_gets_no_more_places_than_there_are(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=3)

    async def burst() -> None:
        entering = (room.queue.enter(tenant=ONE, deadline_seconds=0.001) for _ in range(100))
        await asyncio.gather(*entering, return_exceptions=True)

    loop.run_until_complete(burst())
    assert (room.queue.in_service, room.queue.queued) == (3, 0)


def test_while_no_engine_is_up_requests_are_held_and_go_when_one_is(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0)
    requests = [room.request() for _ in range(5)]
    room.wait(50)
    assert all(request.waits for request in requests)
    room.set_limit(3)
    assert [request.has_place for request in requests] == [True, True, True, False, False]


def test_a_held_request_is_told_when_its_deadline_has_passed(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0)
    request = room.request(deadline_seconds=5)
    room.wait(4.9)
    assert request.waits
    room.wait(0.2)
    assert (request.error.status, request.error.code) == (503, "deadline_exceeded")
    assert request.retry_after_seconds >= 1
    assert room.queue.queued == 0


def test_a_smaller_limit_takes_no_place_away_and_gives_none_before_enough_have_left(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=3)
    served = [room.request() for _ in range(3)]
    waiting = room.request()
    room.set_limit(1)
    for request in served[:2]:
        request.leave()
        assert waiting.waits
    served[2].leave()
    assert waiting.has_place


def test_a_limit_that_has_risen_without_a_word_is_noticed_by_the_next_request(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.request()
    waiting = room.request()
    room.limit = 2
    newcomer = room.request()
    assert waiting.has_place
    assert newcomer.waits


def test_higher_priority_goes_first_always(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0)
    low, normal, high = (room.request(tenant) for tenant in (LOW, ONE, HIGH))
    for expected in (high, normal, low):
        room.set_limit(room.queue.in_service + 1)
        assert expected.has_place
        assert room.queue.in_service + room.queue.queued == 3


def test_tenants_of_one_priority_share_by_weight(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0)
    requests = [room.request(tenant) for tenant in (ONE, HEAVY) for _ in range(40)]
    room.set_limit(40)
    assert sum(request.has_place for request in requests if request.tenant is HEAVY) == 30


def test_a_full_queue_turns_the_newcomer_away(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1, max_queue_length=2)
    room.request()
    waiting = [room.request() for _ in range(2)]
    refused = room.request()
    assert (refused.error.status, refused.error.code) == (503, "queue_full")
    assert all(request.waits for request in waiting)


def test_a_queue_of_length_zero_lets_nobody_wait(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1, max_queue_length=0)
    assert room.request().has_place
    assert room.request(HIGH).error.code == "queue_full"


def test_in_a_full_queue_the_newest_of_the_lowest_priority_gives_way(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0, max_queue_length=3)
    older, newer, normal = room.request(LOW), room.request(LOW), room.request(ONE)
    assert room.request(HIGH).waits
    assert (newer.error.status, newer.error.code, older.waits, normal.waits) == (503, "shed", True, True)
    assert room.request(ONE).waits
    assert older.error.code == "shed"
    assert room.request(LOW).error.code == "queue_full"
    assert room.queue.queued == 3


def test_a_tenant_that_fills_the_queue_does_not_keep_others_of_its_priority_out(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=0, max_queue_length=4)
    flood = [room.request(ONE) for _ in range(4)]
    assert [room.request(OTHER).waits for _ in range(2)] == [True, True]
    assert [request.waits for request in flood] == [True, True, False, False]
    assert room.request(OTHER).error.code == room.request(ONE).error.code == "queue_full"


def test_a_wait_that_is_predicted_to_outlast_the_deadline_is_refused_at_once(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=2)
    room.serve(10, service_seconds=4)
    for _ in range(2 + 4):
        room.request()
    refused = room.request(deadline_seconds=7)  # the fifth to leave from now on, every 2 s: about 10 s
    assert (refused.error.status, refused.error.code) == (503, "deadline_unreachable")
    assert refused.retry_after_seconds == 3
    assert room.request(deadline_seconds=11).waits


def test_nobody_is_refused_while_nothing_is_known(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.request()
    assert all(room.request(deadline_seconds=0.001).waits for _ in range(50))


def test_nobody_is_refused_early_while_no_engine_is_up(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.serve(10, service_seconds=4)
    room.set_limit(0)
    assert room.request(deadline_seconds=0.5).waits


def test_the_prediction_is_about_the_place_in_the_fair_order(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.serve(10, service_seconds=1)
    for _ in range(50):
        room.request(ONE)
    assert room.request(ONE, deadline_seconds=10).error.code == "deadline_unreachable"
    assert room.request(OTHER, deadline_seconds=10).waits
    assert room.request(HIGH, deadline_seconds=2).waits
    assert room.request(LOW, deadline_seconds=10).error.code == "deadline_unreachable"


def test_a_prediction_of_a_stalled_engine_is_forgotten_once_it_serves_again(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.serve(10, service_seconds=500)
    room.request()
    assert room.request(deadline_seconds=60).error.code == "deadline_unreachable"
    room.queue.leave()
    room.serve(300, service_seconds=1)
    room.request()
    assert room.request(deadline_seconds=60).waits


def test_a_client_that_leaves_frees_its_place_in_the_queue(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1, max_queue_length=1)
    served, leaver = room.request(), room.request()
    leaver.disconnect_and_settle()
    assert room.queue.queued == 0
    next_one = room.request()
    served.leave()
    assert next_one.has_place


def test_a_client_that_leaves_in_the_moment_it_gets_its_place_gives_it_on(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    served, leaver, next_one = (room.request() for _ in range(3))
    room.queue.leave()  # the leaver has its place now, though its task does not know yet
    leaver.disconnect()
    room.settle()
    assert served.has_place
    assert next_one.has_place
    assert room.queue.in_service == 1


def test_a_place_is_not_given_to_a_client_that_has_just_left(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.request()
    leaver, next_one = room.request(), room.request()
    leaver.disconnect()  # its task does not know yet
    room.queue.leave()
    room.settle()
    assert next_one.has_place
    assert (room.queue.in_service, room.queue.queued) == (1, 0)


def test_clients_that_leave_all_at_once_cost_their_tenant_nothing(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    room.request()
    leavers = [room.request(ONE) for _ in range(30)]
    stays, others = room.request(ONE), [room.request(OTHER) for _ in range(5)]
    for leaver in leavers:
        leaver.disconnect()
    room.queue.leave()
    room.settle()
    room.set_limit(3)
    assert stays.has_place
    assert sum(other.has_place for other in others) == 2


@pytest.mark.parametrize("ending", ["admitted", "expired", "shed", "left"])
def test_a_request_that_waited_leaves_nothing_behind(loop: VirtualTimeLoop, ending: str) -> None:
    room = Room(loop, limit=1, max_queue_length=1)
    served, request = room.request(), room.request(deadline_seconds=5)
    match ending:
        case "admitted":
            served.leave()
        case "expired":
            room.wait(6)
        case "shed":
            room.request(HIGH).disconnect_and_settle()
        case _:
            request.disconnect_and_settle()
    assert not request.waits
    assert room.queue.queued == 0
    assert not [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]


def test_a_request_that_finds_a_place_at_once_makes_no_future_and_no_timer(loop: VirtualTimeLoop) -> None:
    room = Room(loop, limit=1)
    entering = room.queue.enter(tenant=ONE, deadline_seconds=60)
    gc.disable()
    try:
        with pytest.raises(StopIteration):  # it ends without ever giving control to a loop
            entering.send(None)
    finally:
        gc.enable()
    assert not loop._scheduled  # type: ignore[attr-defined]
    assert not loop._ready  # type: ignore[attr-defined]
