from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gcp.network_plan import NetworkSpec, ranges
from moorage.gcp.private_network import private_network
from moorage.spec import SpecError
from moorage.spec.parsing import parse

PLACE = {"project": "harbour-test", "region": "europe-west4"}
PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


@st.composite
def blocks(draw: st.DrawFn) -> IPv4Network:
    """Networks that a user may give."""
    within = draw(st.sampled_from(PRIVATE))
    prefix = draw(st.integers(max(10, within.prefixlen), 18))
    index = draw(st.integers(0, 2 ** (prefix - within.prefixlen) - 1))
    return IPv4Network((int(within.network_address) + index * 2 ** (32 - prefix), prefix))


def plan(block: object):
    return ranges(parse(NetworkSpec, {**PLACE, "cidr_block": str(block)}, ""))


@given(blocks())
def test_the_parts_are_inside_the_network_and_none_overlaps_another(block: IPv4Network):
    parts = [IPv4Network(part) for part in plan(block)]
    assert all(part.subnet_of(block) for part in parts)
    assert not any(one.overlaps(other) for one, other in combinations(parts, 2))


@given(blocks())
def test_every_node_whose_pods_have_addresses_has_one_itself(block: IPv4Network):
    parts = plan(block)
    reserved_by_google = 4
    assert IPv4Network(parts.nodes).num_addresses - reserved_by_google >= parts.max_nodes


def test_the_default_is_room_for_256_nodes():
    parts = ranges(parse(NetworkSpec, PLACE, ""))
    assert parts == ("10.0.0.0/20", "10.0.128.0/17", "10.0.16.0/20", "10.0.32.0/23")
    assert parts.max_nodes == 256


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("10.0.0.0/19", "must be from /10 to /18"),
        ("10.0.0.0/8", "must be from /10 to /18"),
        ("0.0.0.0/0", "must be within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10"),
        ("8.8.0.0/16", "must be within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10"),
        ("10.0.0.1/16", "must be an IPv4 network, such as 10.0.0.0/16: 10.0.0.1/16 has host bits set"),
        ("ten", "must be an IPv4 network, such as 10.0.0.0/16: Expected 4 octets in 'ten'"),
    ],
)
def test_a_network_that_cannot_be_is_refused(block: str, problem: str):
    with pytest.raises(SpecError) as raised:
        plan(block)
    assert str(raised.value) == f'cidr_block = "{block}": {problem}'


@pytest.mark.parametrize("block", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "127.0.0.0/8"])
def test_no_public_address_is_private(block: str):
    with pytest.raises(ValueError, match="must be within"):
        private_network(block)


def test_everything_wrong_is_reported_at_once():
    with pytest.raises(SpecError) as raised:
        parse(NetworkSpec, {"project": "42", "region": "europe", "cidr_block": "10.0.0.0/30"}, "")
    assert [problem.key for problem in raised.value.problems] == ["project", "region", "cidr_block"]
