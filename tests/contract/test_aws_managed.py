"""How a new version of an endpoint comes to its requests."""

import pytest

from moorage.aws.managed import traffic_routing


def test_one_instance_takes_all_requests_for_a_canary_is_at_most_half():
    assert traffic_routing(1) == {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 300}


@pytest.mark.parametrize("instances", [2, 10])
def test_several_instances_begin_with_a_tenth(instances: int):
    routing = traffic_routing(instances)
    assert routing["type"] == "CANARY"
    assert routing["canary_size"] == {"type": "CAPACITY_PERCENT", "value": 10}
