"""GPU nodes on Google Cloud: what they are made of, how long they last, and what engines are told of them."""

import pytest

from moorage.gcp.compute_class import GkeComputeClass
from moorage.gcp.gpu_pool import GkeGpuPool
from moorage.spec import SpecError

from .examples import component
from .recording import run_program


def test_the_driver_is_googles_and_the_taint_what_google_makes_it():
    _, recording = run_program(component(GkeGpuPool, "harbour"))
    node = recording.the("NodePool").inputs["nodeConfig"]
    assert node["guestAccelerators"] == [
        {"type": "nvidia-l4", "count": 2, "gpuDriverInstallationConfig": {"gpuDriverVersion": "LATEST"}}
    ]
    assert node["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]
    assert node["labels"] == {"moorage.dev/gpu-pool": "harbour"}
    assert node["reservationAffinity"] == {
        "consumeReservationType": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": ["berth"],
    }


@pytest.mark.parametrize(
    ("rung", "changes", "node", "pool"),
    [
        ("spot", {}, {"spot": True}, {"maxSurge": 1, "maxUnavailable": 0, "strategy": "SURGE"}),
        ("flex-start", {}, {"flexStart": True, "maxRunDuration": "604800s"}, None),
        ("on-demand", {}, {}, {"maxSurge": 1, "maxUnavailable": 0, "strategy": "SURGE"}),
        ("on-demand", {"min_node_count": 2}, {}, {"maxSurge": 0, "maxUnavailable": 1, "strategy": "SURGE"}),
        (
            "reservation",
            {"reservations": {"g2-standard-8": "berth"}},
            {},
            {"maxSurge": 0, "maxUnavailable": 1, "strategy": "SURGE"},
        ),
    ],
    ids=["spot", "flex-start", "on-demand", "as many as there may be", "reservation"],
)
def test_a_pool_is_upgraded_as_its_kind_allows(
    rung: str, changes: dict[str, object], node: dict[str, object], pool: dict[str, object] | None
):
    rungs = [{"instance_type": "g2-standard-8", "capacity_type": rung}]
    example = {"rungs": rungs, "min_node_count": 0, "max_node_count": 2, "reservations": ...}
    _, recording = run_program(component(GkeGpuPool, "harbour", **{**example, **changes}))
    inputs = recording.the("NodePool").inputs
    assert {key: inputs["nodeConfig"].get(key) for key in ("spot", "flexStart", "maxRunDuration")} == {
        **dict.fromkeys(("spot", "flexStart", "maxRunDuration")),
        **node,
    }
    assert inputs.get("upgradeSettings") == pool
    assert inputs["management"] == {"autoRepair": rung != "flex-start", "autoUpgrade": True}


@pytest.mark.parametrize(("extended", "seconds", "grace"), [(True, 105, (120, 15)), (False, 15, (None, None))])
def test_an_engine_on_a_spot_node_is_told_how_long_it_has(
    extended: bool, seconds: int, grace: tuple[int | None, int | None]
):
    rungs = [{"instance_type": "g2-standard-8", "capacity_type": "spot"}]
    changes = {"rungs": rungs, "reservations": ..., "extended_spot_termination": extended}
    made, recording = run_program(component(GkeGpuPool, "harbour", **changes))
    kubelet = recording.the("NodePool").inputs["nodeConfig"]["kubeletConfig"]
    assert made.placement["termination_notice_seconds"] == seconds
    told = kubelet.get("shutdownGracePeriodSeconds"), kubelet.get("shutdownGracePeriodCriticalPodsSeconds")
    assert told == grace


def test_engines_select_a_pool_by_its_label_and_a_class_by_its_name():
    pool, _ = run_program(component(GkeGpuPool, "harbour"))
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert pool.placement == {
        "node_selector": {"moorage.dev/gpu-pool": "harbour"},
        "tolerations": [gpu],
        "pool_kind": "fixed",
    }
    by_class, recording = run_program(component(GkeComputeClass, "harbour"))
    spot = {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    assert by_class.placement == {
        "node_selector": {"cloud.google.com/compute-class": "harbour"},
        "tolerations": [gpu, spot],
        "pool_kind": "elastic",
        "termination_notice_seconds": 105,
    }
    assert recording.the("ComputeClass").inputs["metadata"]["name"] == "harbour"


@pytest.mark.parametrize("name", ["default", "autopilot", "autopilot-spot"])
def test_a_class_has_no_name_of_gkes_own(name: str):
    with pytest.raises(SpecError, match="must be none of GKE's own, autopilot, autopilot-spot, default"):
        run_program(component(GkeComputeClass, name))
