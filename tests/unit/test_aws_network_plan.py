"""How a network's addresses are shared out, and what is refused."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.aws.network_plan import NetworkSpec, zones
from moorage.spec import SpecError, parse

REGION = "eu-central-1"
LETTERS = "abcdef"

zone_sets = st.sets(st.sampled_from([f"{REGION}{letter}" for letter in LETTERS]), min_size=2)
blocks = st.builds(
    lambda prefix, start: str(
        IPv4Network((int(IPv4Network("10.0.0.0/8").network_address) + (start << 12), prefix), strict=False)
    ),
    st.integers(16, 20),
    st.integers(0, 4095),
)


def planned(names: set[str], cidr_block: str = "10.0.0.0/16") -> dict[str, tuple[str, str]]:
    spec = parse(NetworkSpec, {"region": REGION, "availability_zones": sorted(names), "cidr_block": cidr_block}, "")
    return {zone.name: (zone.private_cidr_block, zone.public_cidr_block) for zone in zones(spec)}


def problems(**changes: object) -> str:
    valid = {"region": REGION, "availability_zones": [f"{REGION}a", f"{REGION}b"]}
    with pytest.raises(SpecError) as caught:
        parse(NetworkSpec, {**valid, **changes}, "")
    return str(caught.value)


@given(zone_sets, blocks)
def test_subnets_lie_in_the_network_and_share_no_address(names: set[str], cidr_block: str):
    subnets = [IPv4Network(block) for pair in planned(names, cidr_block).values() for block in pair]
    assert len(subnets) == 2 * len(names)
    assert all(subnet.subnet_of(IPv4Network(cidr_block)) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


@given(zone_sets, zone_sets)
def test_a_further_zone_moves_no_other(before: set[str], more: set[str]):
    after = planned(before | more)
    assert {zone: after[zone] for zone in before} == planned(before)


@given(zone_sets, blocks)
def test_a_public_subnet_has_room_for_a_load_balancer(names: set[str], cidr_block: str):
    assert all(IPv4Network(public).prefixlen <= 27 for _, public in planned(names, cidr_block).values())


def test_a_zone_of_the_default_network_has_4096_addresses_for_pods():
    assert planned({f"{REGION}a", f"{REGION}b"}) == {
        "eu-central-1a": ("10.0.0.0/20", "10.0.128.0/23"),
        "eu-central-1b": ("10.0.16.0/20", "10.0.130.0/23"),
    }


@pytest.mark.parametrize("cidr_block", ["10.0.0.0/15", "10.0.0.0/21", "8.8.0.0/16", "10.0.0.1/16", "fd00::/48", "all"])
def test_a_block_that_a_vpc_cannot_have_is_refused(cidr_block: str):
    assert f'cidr_block = "{cidr_block}": must be an IPv4 network from /16 to /20' in problems(cidr_block=cidr_block)


@pytest.mark.parametrize("names", [[], ["eu-central-1a"], ["eu-central-1a", "eu-central-1a"]])
def test_fewer_than_two_zones_are_refused(names: list[str]):
    assert "must be at least 2 zones, each once" in problems(availability_zones=names)


@pytest.mark.parametrize("name", ["eu-west-1a", "us-west-2-lax-1a", "eu-central-1"])
def test_a_zone_of_elsewhere_is_refused(name: str):
    assert "must be zones of eu-central-1" in problems(availability_zones=["eu-central-1a", name])


@pytest.mark.parametrize("region", ["Frankfurt", "eu-central", "eu-central-1a", "cn-north-1", ""])
def test_a_region_that_is_none_or_in_china_is_refused(region: str):
    assert f'region = "{region}": must be a region\'s name, such as eu-central-1, outside China' in problems(
        region=region
    )


def test_a_retention_that_cloudwatch_does_not_have_is_refused():
    assert "flow_log_retention_days = 31: must be one of 1, 3, 5" in problems(flow_log_retention_days=31)


def test_everything_wrong_is_reported_at_once():
    found = problems(region="Frankfurt", nat_gateways="two", tags={"aws:owner": "me"}, subnets=3)
    assert [line.split(" ")[0].rstrip(":") for line in found.splitlines()] == [
        "region",
        "nat_gateways",
        "tags",
        "subnets",
    ]
