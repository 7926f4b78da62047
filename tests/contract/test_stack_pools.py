"""The planner's choice for a whole stack is one that the cloud's pools can be made of."""

import json
from collections.abc import Mapping

import pytest

from moorage.aws.gpu_pool_spec import launched_by_auto_mode
from moorage.gcp.gpu_machine_type import gpu_machine_types

from .stack_builds import ROOT, build
from .test_stacks import configuration_of


def made(cloud: str, keys: Mapping[str, object]) -> list[dict[str, dict[str, object]]]:
    """The specifications of the pools' objects."""
    done = build({**configuration_of(ROOT / "stacks" / f"Pulumi.{cloud}-always-on.yaml"), **keys})
    assert done.returncode == 0, done.stderr
    kind = {"aws": ":NodePool", "gcp": ":ComputeClass"}[cloud]
    found = [each for each in json.loads(done.stdout)["registrations"] if each["type"].endswith(kind)]
    assert found
    return [each["inputs"]["spec"] for each in found]


def test_on_aws_auto_mode_launches_what_is_chosen_where_g7_would_be_among_the_cheapest():
    types: set[str] = set()
    for spec in made("aws", {"moorage:load": {"concurrent_requests": 200}}):
        requirements = {each["key"]: each["values"] for each in spec["template"]["spec"]["requirements"]}
        types |= set(requirements["node.kubernetes.io/instance-type"])
    assert all(launched_by_auto_mode(name) for name in types)
    assert "g6e.xlarge" in types


@pytest.mark.long
@pytest.mark.parametrize("zone", ["us-central1-a", "us-central1-f"])
def test_on_google_cloud_the_class_has_machines_of_the_stacks_zones(zone: str):
    own = configuration_of(ROOT / "stacks" / "Pulumi.gcp-always-on.yaml")["moorage:gcp"]
    assert isinstance(own, dict)
    (spec,) = made("gcp", {"moorage:gcp": {**own, "zones": [zone]}})
    types = {rung["machineType"] for rung in spec["priorities"]}
    assert types <= set(gpu_machine_types())
    assert any(name.startswith("g2-") for name in types) == (zone != "us-central1-f")
