"""Every stack on a cloud starts as Pulumi starts it: soon, and without the SDK of a cloud that it is not on."""

import json
from pathlib import Path

import pytest

from .stack_builds import ROOT, build_alone
from .test_stacks import configuration_of, is_in_a_cluster

BUILD_SECONDS = 6
"""Of a CPU: two suffice on a quiet machine."""
STACKS = [
    path for path in sorted((ROOT / "stacks").glob("*.yaml")) if configuration_of(path)["moorage:cloud"] != "local"
]


def sdks_of(path: Path) -> set[str]:
    cloud = configuration_of(path)["moorage:cloud"]
    own = {f"pulumi_{cloud}"} if cloud != "kubernetes" else set()
    return own | ({"pulumi_kubernetes"} if is_in_a_cluster(path) else set())


@pytest.mark.long
@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_it_is_built_at_once_with_its_own_clouds_sdk_alone(path: Path):
    done = build_alone(configuration_of(path))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["sdks"]) == sdks_of(path)
    if report["seconds"] >= BUILD_SECONDS:  # it was the first, which compiles the bytecode of its SDK
        assert json.loads(build_alone(configuration_of(path)).stdout)["seconds"] < BUILD_SECONDS
