import random

from benchmarks.autoscaling.engine import Request
from benchmarks.autoscaling.fleet import ENGINE_SECONDS, IMAGE_SECONDS, NODE_KEPT_SECONDS, NODE_SECONDS, Fleet
from benchmarks.autoscaling.scenarios import profile_of

from moorage.engine import drain_budget

DRAIN = drain_budget(45, 15)
WARM_START_SECONDS = 128 + ENGINE_SECONDS
"""An L4's 16 GB of weights, and the engine."""


def fleet_of(replicas: int) -> Fleet:
    """All ready."""
    fleet = Fleet(profile_of("L4"), DRAIN, random.Random(1))  # noqa: S311
    fleet.scale(0, replicas)
    fleet.warm(0)
    return fleet


def seconds_until(fleet: Fleet, ready: int, since: int) -> int:
    now = since
    while len(fleet.ready) < ready:
        now += 1
        fleet.advance(now)
    return now - since


def test_a_new_engine_waits_for_node_image_weights_and_its_own_start():
    fleet = fleet_of(1)
    fleet.scale(0, 2)
    longest, shortest = (node + IMAGE_SECONDS + WARM_START_SECONDS for node in reversed(NODE_SECONDS))
    assert shortest <= seconds_until(fleet, 2, since=0) <= longest + 2


def test_a_node_that_has_just_become_free_is_taken_again_with_its_image():
    fleet = fleet_of(2)
    fleet.scale(0, 1)
    fleet.advance(1)
    fleet.scale(NODE_KEPT_SECONDS, 2)
    assert seconds_until(fleet, 2, since=NODE_KEPT_SECONDS) <= WARM_START_SECONDS + 2


def test_an_engine_that_goes_ends_its_requests_and_is_scraped_until_then():
    fleet = fleet_of(2)
    request = Request(0, 100)
    fleet.ready[1].submit(request)
    fleet.scale(0, 1)
    assert (len(fleet.ready), len(fleet.scraped)) == (1, 2)
    done = [ended for now in range(1, DRAIN.grace_seconds) for ended, _ in [fleet.advance(now)] if ended]
    assert [ended for ((_, ended),) in done] == [request]
    assert len(fleet.scraped) == 1


def test_what_is_not_done_within_the_grace_is_killed():
    fleet = fleet_of(2)
    fleet.ready[1].submit(Request(0, 100_000 // 5))
    fleet.scale(0, 1)
    assert sum(fleet.advance(now)[1] for now in range(1, DRAIN.grace_seconds + 1)) == 1


def test_those_that_have_not_started_go_first():
    fleet = fleet_of(1)
    (engine,) = fleet.ready
    fleet.scale(0, 3)
    fleet.scale(1, 1)
    assert fleet.ready == [engine]
