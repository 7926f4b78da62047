import pytest

from moorage.gcp.gpu_pool_spec import ComputeClassSpec, GpuPoolSpec
from moorage.spec import SpecError
from moorage.spec.parsing import parse

ON_DEMAND = {"instance_type": "g2-standard-8", "capacity_type": "on-demand"}
RESERVED = {"instance_type": "g2-standard-8", "capacity_type": "reservation"}
POOL = {"zones": ["europe-west4-a", "europe-west4-b"], "rungs": [ON_DEMAND], "max_node_count": 4}


def problems_of(schema: type, **changes: object) -> str:
    with pytest.raises(SpecError) as raised:
        parse(schema, {**POOL, **changes}, "")
    return str(raised.value)


def test_an_instance_that_google_does_not_have_is_refused_with_what_was_meant():
    message = problems_of(GpuPoolSpec, rungs=[{**ON_DEMAND, "instance_type": "g2-standart-8"}])
    assert message.startswith('rungs.0.instance_type = "g2-standart-8": must be one of n1-standard-4+1xT4, ')
    assert message.endswith("(did you mean g2-standard-8?)")


def test_a_way_to_get_nodes_that_google_does_not_have_is_refused():
    message = problems_of(GpuPoolSpec, rungs=[{**ON_DEMAND, "capacity_type": "capacity-block"}])
    allowed = "reservation, on-demand, flex-start, spot"
    assert message == f'rungs.0.capacity_type = "capacity-block": must be one of {allowed}'


def test_everything_wrong_with_all_rungs_is_reported_at_once():
    rungs = [{**ON_DEMAND, "instance_type": "p5"}, ON_DEMAND, {"capacity_type": "lease", "zone": "a"}]
    with pytest.raises(SpecError) as raised:
        parse(ComputeClassSpec, {"zones": ["a"], "rungs": rungs}, "")
    assert [problem.key for problem in raised.value.problems] == [
        "zones.0",
        "rungs.0.instance_type",
        "rungs.2.instance_type",
        "rungs.2.capacity_type",
        "rungs.2.zone",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rungs": []}, "must be at least one rung, and no two the same"),
        ({"rungs": [ON_DEMAND, ON_DEMAND]}, "must be at least one rung, and no two the same"),
        ({"rungs": ON_DEMAND}, "must be a list, each a mapping with keys out of instance_type, capacity_type"),
        ({"rungs": [ON_DEMAND, RESERVED], "reservations": {"g2-standard-8": "berth"}}, "use GkeComputeClass"),
        ({"rungs": [RESERVED]}, "reservations: must have a reservation for g2-standard-8"),
        ({"reservations": {"g2-standard-8": "berth"}}, "must have a reservation for no instance type"),
        (
            {"rungs": [RESERVED], "reservations": {"g2-standard-8": "Berth!"}},
            'reservations.g2-standard-8 = "Berth!": must be a reservation\'s name',
        ),
        (
            {"rungs": [RESERVED], "reservations": {"g2-standard-8": "berth"}},
            "zones = europe-west4-a, europe-west4-b: must be the one zone that the reservation is in",
        ),
        ({"zones": ["europe-west4"]}, 'zones.0 = "europe-west4": must be a zone\'s name'),
        ({"zones": ["europe-west4-a", "us-east4-a"]}, "must be zones of one region"),
        ({"zones": []}, "zones = []"),
        (
            {"rungs": [{**ON_DEMAND, "capacity_type": "flex-start"}], "min_node_count": 1},
            "min_node_count = 1: must be 0, as flex-start begins with no node",
        ),
        (
            {"min_node_count": 1, "max_node_count": 1},
            "max_node_count = 1: must be at least the nodes that min_node_count = 1 starts, 2 in 2 zones",
        ),
        ({"boot_disk_gb": 10}, "boot_disk_gb = 10: must be an integer of at least 50"),
        ({"max_node_count": 0}, "max_node_count = 0: must be an integer of at least 1"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(changes: dict[str, object], problem: str):
    assert problem in problems_of(GpuPoolSpec, **changes)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "elastic"),
        ({"min_node_count": 4}, "fixed"),
        ({"rungs": [RESERVED], "reservations": {"g2-standard-8": "berth"}, "zones": ["europe-west4-a"]}, "fixed"),
    ],
    ids=["may grow", "cannot grow", "reserved"],
)
def test_a_pool_is_fixed_where_a_rollout_finds_no_further_node(changes: dict[str, object], kind: str):
    assert parse(GpuPoolSpec, {**POOL, **changes}, "").pool_kind == kind


def test_a_shared_reservation_is_named_in_full():
    shared = {"g2-standard-8": "projects/quay/reservations/berth"}
    spec = parse(ComputeClassSpec, {"zones": POOL["zones"], "rungs": [RESERVED], "reservations": shared}, "")
    assert spec.reservations["g2-standard-8"].reference == shared["g2-standard-8"]
    assert (spec.pool_kind, spec.reservations["g2-standard-8"].project) == ("fixed", "quay")
