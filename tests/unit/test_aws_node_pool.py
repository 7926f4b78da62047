"""The ladder of Karpenter's node pools."""

import pytest

from moorage.aws.gpu_pool_spec import GpuPoolSpec
from moorage.aws.node_pool import (
    EXPIRE_AFTER_HOURS,
    MAX_NODE_LIFETIME_HOURS,
    node_class_spec,
    node_pool_name,
    node_pool_spec,
    termination_grace_seconds,
)
from moorage.kubernetes.placement import gpu_pool_placement
from moorage.spec import SpecError, parse

ON_DEMAND = {"instance_type": "g6e.2xlarge", "capacity_type": "on-demand"}
SPOT = {"instance_type": "g6e.2xlarge", "capacity_type": "spot"}
RESERVATION = {"instance_type": "p5.48xlarge", "capacity_type": "reservation"}
RESERVED = {"rungs": [RESERVATION, ON_DEMAND, SPOT], "capacity_reservation_ids": ["cr-0123456789abcdef0"]}


def pool(**changes: object) -> GpuPoolSpec:
    return parse(
        GpuPoolSpec, {"name": "gpu", "rungs": [ON_DEMAND, SPOT], "max_gpus": 8, "drain_seconds": 75, **changes}, ""
    )


def rung_specs(spec: GpuPoolSpec) -> list[dict]:
    return [dict(node_pool_spec(spec, rung)) for rung in spec.rungs]


def requirement(node_pool: dict, key: str) -> list[str]:
    (values,) = [rule["values"] for rule in node_pool["template"]["spec"]["requirements"] if rule["key"] == key]
    return values


def problems(**changes: object) -> str:
    with pytest.raises(SpecError) as caught:
        pool(**changes)
    return str(caught.value)


def test_each_rung_is_tried_before_those_below_it():
    weights = [node_pool["weight"] for node_pool in rung_specs(pool(**RESERVED))]
    assert weights == sorted(set(weights), reverse=True)
    assert all(1 <= weight <= 100 for weight in weights)


def test_a_rung_is_one_instance_type_and_one_capacity_type():
    found = [
        (
            requirement(node_pool, "node.kubernetes.io/instance-type"),
            requirement(node_pool, "karpenter.sh/capacity-type"),
        )
        for node_pool in rung_specs(pool(**RESERVED))
    ]
    assert found == [
        (["p5.48xlarge"], ["reserved"]),
        (["g6e.2xlarge"], ["on-demand"]),
        (["g6e.2xlarge"], ["spot"]),
    ]


def test_a_node_has_what_an_engine_on_this_pool_asks_for():
    placement = gpu_pool_placement("gpu", "elastic")
    for node_pool in rung_specs(pool()):
        labels = node_pool["template"]["metadata"]["labels"]
        taints = node_pool["template"]["spec"]["taints"]
        assert placement["node_selector"].items() <= labels.items()
        assert [(taint["key"], taint["effect"]) for taint in taints] == [
            (toleration["key"], toleration["effect"]) for toleration in placement["tolerations"]
        ]


def test_an_empty_node_stays_for_five_minutes_and_a_busy_one_is_let_be():
    for node_pool in rung_specs(pool()):
        assert node_pool["disruption"] == {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "300s",
            "budgets": [{"nodes": "10%"}],
        }


def test_no_rung_has_more_gpus_than_is_said():
    assert [node_pool["limits"] for node_pool in rung_specs(pool())] == [{"nvidia.com/gpu": "8"}] * 2


@pytest.mark.parametrize("drain_seconds", [1, 75, 3600])
def test_a_node_waits_at_least_until_an_engine_has_drained(drain_seconds: int):
    spec = pool(drain_seconds=drain_seconds)
    on_demand, spot = (termination_grace_seconds(spec, rung) for rung in spec.rungs)
    assert on_demand >= drain_seconds
    assert spot == min(drain_seconds, 120)


def test_a_node_goes_before_auto_mode_takes_it_away():
    spec = pool(drain_seconds=4 * 3600)
    longest = max(termination_grace_seconds(spec, rung) for rung in spec.rungs)
    assert EXPIRE_AFTER_HOURS + longest / 3600 <= MAX_NODE_LIFETIME_HOURS


def test_auto_mode_uses_the_local_drives_of_every_instance_with_gpus():
    # g4dn.xlarge has the smallest, 125 GB (cloud-facts: Karpenter's table of 2026-07-20).
    storage = node_class_spec(pool(), "arn:key")["ephemeralStorage"]
    assert storage == {"size": "80Gi", "kmsKeyID": "arn:key"}
    assert pool().ephemeral_storage_gib * 2**30 < 125 * 10**9


def test_karpenters_own_class_is_as_safe_as_auto_modes():
    made = node_class_spec(pool(provisioner="karpenter", ami_version="v20250920"), "arn:key")
    assert made["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert made["instanceStorePolicy"] == "RAID0"
    assert [(disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyID"]) for disk in made["blockDeviceMappings"]] == [
        (True, "arn:key")
    ]


def test_karpenter_launches_what_auto_mode_does_not():
    rungs = [{**SPOT, "instance_type": "g6f.xlarge"}]
    spec = pool(provisioner="karpenter", ami_version="v20250920", rungs=rungs)
    assert [rung.instance_type for rung in spec.rungs] == ["g6f.xlarge"]


def test_reservations_are_named_where_there_are_any():
    assert "capacityReservationSelectorTerms" not in node_class_spec(pool(), "arn:key")
    assert node_class_spec(pool(**RESERVED), "arn:key")["capacityReservationSelectorTerms"] == [
        {"id": "cr-0123456789abcdef0"}
    ]


def test_a_node_pool_is_named_after_what_it_is():
    spec = pool()
    assert [node_pool_name(spec, rung) for rung in spec.rungs] == ["gpu-g6e-2xlarge-on-demand", "gpu-g6e-2xlarge-spot"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rungs": []}, "rungs = []: must be 1 to 100 rungs"),
        ({"rungs": [SPOT, SPOT]}, "no two the same"),
        ({"rungs": [{**SPOT, "capacity_type": "flex-start"}]}, "must be one of reservation, on-demand, spot"),
        ({"rungs": [{**SPOT, "instance_type": "g6e"}]}, "must be an instance type of EC2"),
        ({"rungs": [{**SPOT, "instance_type": "g6f.xlarge"}]}, "EKS Auto Mode launches no g6f with GPUs"),
        ({"rungs": [RESERVATION]}, "capacity_reservation_ids and a rung"),
        ({"capacity_reservation_ids": ["cr-0123456789abcdef0"]}, "capacity_reservation_ids and a rung"),
        ({"capacity_reservation_ids": ["r-1"]}, "must be the id of a capacity reservation"),
        ({"max_gpus": 0}, "max_gpus = 0: must be an integer of at least 1"),
        ({"drain_seconds": 0}, "drain_seconds = 0: must be"),
        ({"provisioner": "karpenter"}, "ami_version"),
        ({"ami_version": "v20250920"}, "ami_version"),
        ({"provisioner": "karpenter", "ami_version": "latest"}, "must be a version of the Amazon Linux 2023 AMI"),
        ({"name": "g" * 30, "rungs": [{**ON_DEMAND, "instance_type": "p6-b300.48xlarge-and-much-more"}]}, "characters"),
        ({"tags": {"karpenter.sh/nodepool": "mine"}}, "must be neither Name nor begin with"),
        ({"max_gpu": 8}, "max_gpu: unknown key"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused(changes: dict, message: str):
    assert message in problems(**changes)
