"""How a whole stack goes, on the graph that the program hands to the engine: in which order, and what refuses to go.

The engine deletes nothing before all that depends on it, its children included, is gone.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from .stack_builds import ROOT, build
from .test_stacks import configuration_of

Resource = dict[str, Any]

NETWORKS = {
    "aws": ("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/natGateway:NatGateway", "aws:ec2/route:Route"),
    "gcp": ("gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork", "gcp:compute/routerNat:RouterNat"),
}
CLUSTERS = {"aws": ("aws:eks/cluster:Cluster",), "gcp": ("gcp:container/cluster:Cluster",)}
POOLS = {
    "aws": ("kubernetes:karpenter.sh/v1:NodePool", "kubernetes:eks.amazonaws.com/v1:NodeClass"),
    "gcp": ("kubernetes:cloud.google.com/v1:ComputeClass", "gcp:container/nodePool:NodePool"),
}
NAMESPACE = "kubernetes:core/v1:Namespace"
clouds = pytest.mark.parametrize("cloud", ["aws", "gcp"])


@cache
def resources(cloud: str, **group: object) -> tuple[Resource, ...]:
    """Of the worked example of a cloud, with other values in the cloud's own group."""
    keys = configuration_of(ROOT / "stacks" / f"Pulumi.{cloud}-always-on.yaml")
    own = keys.get(f"moorage:{cloud}")
    if isinstance(own, dict):
        keys[f"moorage:{cloud}"] = {**own, **group}
    done = build(keys)
    assert done.returncode == 0, done.stderr
    return tuple(found for found in json.loads(done.stdout)["registrations"])


def layers(cloud: str, made: tuple[Resource, ...]) -> list[list[Resource]]:
    """What goes first stands first: what is in the cluster, its nodes, the cluster, the network."""
    real = [found for found in made if found["custom"] and not found["type"].startswith("pulumi:providers:")]
    if cloud == "kubernetes":
        namespaces = [found for found in real if found["type"] == NAMESPACE]
        return [
            [found for found in real if found["type"].startswith("kubernetes:") and found not in namespaces],
            namespaces,
        ]
    by_type = [POOLS[cloud], CLUSTERS[cloud], NETWORKS[cloud]]
    below = [[found for found in real if found["type"] in types] for types in by_type]
    inside = [found for found in real if found["type"].startswith("kubernetes:") and found not in below[0]]
    return [[found for found in inside if not is_setting(found)], *below]


def is_setting(resource: Resource) -> bool:
    """Of the cluster, and no workload: no node is needed for it."""
    return resource["inputs"].get("metadata", {}).get("namespace") == "kube-system"


def wrong(cloud: str, made: tuple[Resource, ...]) -> Iterator[str]:
    """Every two resources of which the second might go before the first has gone."""
    by_urn = {found["urn"]: found for found in made}
    ordered = layers(cloud, made)
    for earlier, later in pairwise(ordered):
        for first in earlier:
            for then in later:
                if then["urn"] not in _needed_by(first, by_urn):
                    yield f"{first['name']} before {then['name']}"


def _needed_by(resource: Resource, by_urn: dict[str, Resource]) -> set[str]:
    needed: set[str] = set()
    waiting = [resource["urn"]]
    while waiting:
        known = by_urn.get(waiting.pop())
        new = {*known["dependencies"], known["parent"]} - needed if known else set()
        needed |= new
        waiting += new
    return needed


@pytest.mark.parametrize("cloud", ["kubernetes", "aws", "gcp"])
def test_workloads_go_before_nodes_nodes_before_the_cluster_and_the_cluster_before_the_network(cloud: str):
    made = resources(cloud)
    assert all(layers(cloud, made))
    assert list(wrong(cloud, made)) == []


@pytest.mark.parametrize(
    ("cloud", "last"),
    [
        ("kubernetes", NAMESPACE),
        *((cloud, last) for cloud in ("aws", "gcp") for last in (*POOLS[cloud], *CLUSTERS[cloud], *NETWORKS[cloud])),
    ],
)
def test_one_kind_that_nobody_waits_for_is_noticed(cloud: str, last: str):
    made = resources(cloud)
    forgotten = {found["urn"] for found in made if found["type"] == last}
    assert forgotten
    mutated = tuple(
        {**found, "dependencies": [urn for urn in found["dependencies"] if urn not in forgotten]} for found in made
    )
    assert list(wrong(cloud, mutated))


def test_on_aws_what_is_denied_is_denied_as_long_as_anything_runs():
    made = resources("aws")
    (setting,) = [found for found in made if is_setting(found)]
    by_urn = {found["urn"]: found for found in made}
    for workload in (found for found in layers("aws", made)[0] if found["type"].startswith("kubernetes:apps/")):
        assert setting["urn"] in _needed_by(workload, by_urn), workload["name"]


@clouds
def test_what_holds_data_refuses_to_be_deleted(cloud: str):
    """What the engine says then, and does not do, is asked in tests/pulumi_engine/test_protection.py."""
    made = resources(cloud)
    (cluster,) = [found for found in made if found["type"] in CLUSTERS[cloud]]
    assert cluster["inputs"]["deletionProtection"] is True
    assert [found["protect"] for found in keys_of(cluster, made)] == [True]


@clouds
def test_with_the_one_switch_everything_can_be_deleted(cloud: str):
    made = resources(cloud, deletion_protection=False)
    (cluster,) = [found for found in made if found["type"] in CLUSTERS[cloud]]
    assert cluster["inputs"]["deletionProtection"] is False
    assert [found["name"] for found in made if found["protect"]] == []


def keys_of(cluster: Resource, made: tuple[Resource, ...]) -> list[Resource]:
    """What the cluster's secrets are encrypted with."""
    keys = [found for found in made if found["type"].rpartition(":")[2] in ("Key", "CryptoKey")]
    return [found for found in keys if found["parent"] == cluster["parent"]]
