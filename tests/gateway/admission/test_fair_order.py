"""Tenants that wait together share by weight, to within one request, whoever comes and goes beside them."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.admission.fair_order import FairOrder

if TYPE_CHECKING:
    from random import Random

WEIGHTS = st.lists(st.integers(1, 50), min_size=1, max_size=8)


def filled(weights: list[int], each: int) -> FairOrder[tuple[int, int]]:
    order: FairOrder[tuple[int, int]] = FairOrder()
    for number in range(each):
        for tenant, weight in enumerate(weights):
            order.push((tenant, number), str(tenant), weight)
    return order


def serve_next(order: FairOrder[tuple[int, int]]) -> tuple[int, int]:
    item = order.next()
    order.serve(item, str(item[0]))
    return item


@given(WEIGHTS, st.integers(1, 300))
def test_while_the_same_tenants_wait_each_is_within_one_request_of_its_share(weights: list[int], services: int) -> None:
    order = filled(weights, services + 1)
    got = [0] * len(weights)
    for served in range(1, services + 1):
        got[serve_next(order)[0]] += 1
        for tenant, weight in enumerate(weights):
            assert abs(got[tenant] - Fraction(weight * served, sum(weights))) <= 1


@given(st.lists(st.sampled_from([1, 1, 2, 5, 20, 50]), min_size=2, max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_whoever_comes_and_goes_nobody_that_waits_is_more_than_one_request_behind(
    weights: list[int], random: Random
) -> None:
    """For every stretch of time in which a tenant waits without a break, and which ends with its being served.

    Half of the tenants always wait, the others come with one request, are served or give up, and come again.
    """
    order: FairOrder[tuple[int, int]] = FairOrder()
    waiting: list[list[tuple[int, int]]] = [[] for _ in weights]
    waits_since = [0] * len(weights)  # services before the tenant began to wait
    numbers = count()
    served: list[int] = []  # tenants, in order of service

    def push(tenant: int) -> None:
        if not waiting[tenant]:
            waits_since[tenant] = len(served)
        waiting[tenant].append((tenant, next(numbers)))
        order.push(waiting[tenant][-1], str(tenant), weights[tenant])

    for _ in range(150):
        for tenant in range(len(weights)):
            if tenant % 2 == 0:
                while len(waiting[tenant]) < 2:
                    push(tenant)
            elif waiting[tenant] and random.random() < 0.05:
                order.remove(waiting[tenant].pop(), str(tenant))
            elif not waiting[tenant] and random.random() < 0.3:
                push(tenant)
        tenant, _ = item = serve_next(order)
        assert waiting[tenant].pop(0) == item
        served.append(tenant)
        got, share = 0, Fraction(weights[tenant], sum(weights))
        for services, owner in enumerate(reversed(served[waits_since[tenant] :]), start=1):
            got += owner == tenant
            assert got >= share * services - 1


@given(WEIGHTS, st.integers(0, 7), st.integers(1, 10))
def test_a_tenants_own_requests_keep_their_order(weights: list[int], which: int, each: int) -> None:
    order = filled(weights, each)
    served = [serve_next(order) for _ in range(each * len(weights))]
    tenant = which % len(weights)
    assert [number for owner, number in served if owner == tenant] == list(range(each))
    assert not order


@example([3, 1], [0, 0, 0], 0, 1)
@given(WEIGHTS, st.lists(st.integers(0, 7), max_size=60), st.integers(0, 20), st.integers(0, 7))
def test_the_predicted_place_is_the_real_one_but_for_what_others_get_for_one_request(
    weights: list[int], arrivals: list[int], services: int, which: int
) -> None:
    order: FairOrder[tuple[int, int]] = FairOrder()
    for number, arrival in enumerate(arrivals):
        tenant = arrival % len(weights)
        order.push((tenant, number), str(tenant), weights[tenant])
    for _ in range(min(services, len(arrivals))):
        serve_next(order)
    tenant = which % len(weights)
    predicted = order.ahead_of(str(tenant), weights[tenant])
    new = (tenant, len(arrivals))
    order.push(new, str(tenant), weights[tenant])
    ahead = 0
    while serve_next(order) != new:
        ahead += 1
    others = [weight for index, weight in enumerate(weights) if index != tenant]
    assert ahead - predicted <= len(others)
    assert predicted - ahead <= sum(math.ceil(weight / weights[tenant]) for weight in others)


def test_a_tenant_that_left_its_queue_pays_nothing_for_requests_that_were_not_served() -> None:
    order = filled([1, 1], 40)
    for number in range(39):
        order.remove((0, number), "0")
    assert {serve_next(order)[0] for _ in range(2)} == {0, 1}


def test_tenants_that_have_gone_are_forgotten() -> None:
    order: FairOrder[tuple[int, int]] = FairOrder()
    for number in range(1000):
        order.push((0, number), "0", 1)
    for passing in range(1, 500):
        order.push((passing, 0), str(passing), 1)
        serve_next(order)
        serve_next(order)
    assert len(order._finishing) <= 2
    assert len(order._ends) <= 4
