import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from moorage.gcp.compute_class_object import API_VERSION, KIND, compute_class_spec
from moorage.gcp.gpu_machine_type import gpu_machine_types
from moorage.gcp.gpu_pool_spec import ComputeClassSpec
from moorage.spec.parsing import parse

NODES = "harbour-nodes@harbour-test.iam.gserviceaccount.com"
KEY = "projects/harbour-test/locations/europe-west4/keyRings/harbour/cryptoKeys/harbour"
ZONES = ["europe-west4-a", "europe-west4-b"]
CAPACITY_TYPES = ("reservation", "on-demand", "flex-start", "spot")
LADDER = [
    {"instance_type": "a3-highgpu-1g", "capacity_type": "reservation"},
    {"instance_type": "a3-highgpu-1g", "capacity_type": "on-demand"},
    {"instance_type": "g4-standard-48", "capacity_type": "flex-start"},
    {"instance_type": "g2-standard-48", "capacity_type": "spot"},
]
GOLDEN = Path(__file__).parent / "golden" / "gke_compute_class.yaml"

EVERY_RUNG = [
    {"instance_type": instance_type, "capacity_type": capacity_type}
    for instance_type in gpu_machine_types()
    for capacity_type in CAPACITY_TYPES
]
every_rung = pytest.mark.parametrize("rung", EVERY_RUNG, ids=lambda rung: " ".join(rung.values()))


def class_of(rungs: list[dict[str, str]], **changes: object) -> Mapping[str, Any]:
    reservations = {rung["instance_type"]: "berth" for rung in rungs if rung["capacity_type"] == "reservation"}
    args = {"zones": ZONES, "rungs": rungs, "reservations": reservations, **changes}
    spec = compute_class_spec("harbour", parse(ComputeClassSpec, args, ""), NODES, KEY)
    return json.loads(json.dumps(spec))


def test_it_is_the_object_that_was_reviewed():
    shared = {"a3-highgpu-1g": "projects/quay/reservations/berth"}
    assert {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "harbour"},
        "spec": class_of(LADDER, reservations=shared, boot_disk_gb=300, secure_boot=True),
    } == yaml.safe_load(GOLDEN.read_text())


@every_rung
def test_each_rung_asks_for_the_instance_that_it_names(rung: dict[str, str]):
    ((priority),) = class_of([rung])["priorities"]
    machine_type, _, added = rung["instance_type"].partition("+")
    assert priority["machineType"] == machine_type
    assert priority["gpu"]["count"] == gpus_by_name(machine_type, added)


def gpus_by_name(machine_type: str, added: str) -> int:
    """As Google's names say it, and for G machines, whose names count cores, as their cores do."""
    if added:
        return int(added.partition("x")[0])
    if counted := re.search(r"-(\d+)g$", machine_type):
        return int(counted[1])
    family, _, cores = machine_type.split("-")
    return {"g2": {24: 2, 48: 4, 96: 8}, "g4": {96: 2, 192: 4, 384: 8}}[family].get(int(cores), 1)


@every_rung
def test_each_rung_keeps_to_the_rules_of_the_api(rung: dict[str, str]):
    """Those of the CRD's x-kubernetes-validations, and the autoscaler's for what the CRD lets pass.

    github.com/GoogleCloudPlatform/compute-class-api at 8067eae, cluster-autoscaler at 7d25050, both 2026-08-21.
    """
    ((priority),) = class_of([rung])["priorities"]
    is_spot, is_flexible = priority.get("spot", False), "flexStart" in priority
    assert not (is_spot and is_flexible)
    assert ("nodeSystemConfig" in priority) == is_spot
    assert not {"machineFamily", "minCores", "minMemoryGb", "nodepools"} & set(priority)
    assert ("location" in priority) != ("reservations" in priority)
    if "reservations" in priority:
        assert priority["reservations"] == {"affinity": "Specific", "specific": [{"name": "berth"}]}
    assert ("localSSDCount" in priority["storage"]) != gpu_machine_types()[rung["instance_type"]].local_ssd_is_bundled
    assert ("maxRunDurationSeconds" in priority) == is_flexible


def test_the_order_is_the_users():
    priorities = class_of(LADDER)["priorities"]
    assert [(found["machineType"], ways(found)) for found in priorities] == [
        (rung["instance_type"], rung["capacity_type"]) for rung in LADDER
    ]


def ways(priority: Mapping[str, Any]) -> str:
    if "reservations" in priority:
        return "reservation"
    if "flexStart" in priority:
        return "flex-start"
    return "spot" if priority["spot"] else "on-demand"


def test_a_node_is_taken_away_only_when_no_gpu_of_it_is_asked_for():
    policy = class_of(LADDER)["autoscalingPolicy"]
    assert policy == {"consolidationDelayMinutes": 5, "gpuConsolidationThreshold": 0}


def test_a_cluster_is_not_asked_for_what_older_ones_refuse_unless_the_user_does():
    assert class_of(LADDER)["nodePoolAutoCreation"] == {"enabled": True}
    spot = class_of(LADDER, extended_spot_termination=False)["priorities"][-1]
    assert spot["spot"] is True
    assert "nodeSystemConfig" not in spot


def test_no_class_has_googles_own_taints():
    assert "taints" not in class_of(LADDER)["nodePoolConfig"]
