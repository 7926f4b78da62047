"""What Google Cloud is asked for: what is deleted when, what is named how, and what has labels."""

import inspect
from typing import Any

import pytest
from pulumi_gcp import artifactregistry, compute, kms, projects, serviceaccount, storage

from moorage.gcp.cluster import GkeCluster
from moorage.gcp.image_registry import ArtifactRegistry
from moorage.gcp.model_store import GcsModelStore
from moorage.gcp.names import MAX_NAME_LENGTH

from .examples import component
from .gcp_examples import LABELS
from .gcp_stack import before, kind_of, of_google, whole
from .recording import Recording, run_program

PULUMIS_SUFFIX = 8
LIMITS = {
    "Account": (6, 30),
    "Bucket": (3, 63),
    "Cluster": (1, 40),
    "CryptoKey": (1, 63),
    "KeyRing": (1, 63),
    "Network": (1, 63),
    "NodePool": (1, 40),
    "Repository": (1, 63),
    "Router": (1, 63),
    "RouterNat": (1, 63),
    "Subnetwork": (1, 63),
}
"""The fewest and the most characters of a name, by Google's reference of each."""
FIXED_NAMES = {"Account": "accountId", "Repository": "repositoryId"}

LABELLED = {
    "Bucket": ("labels",),
    "Cluster": ("resourceLabels",),
    "CryptoKey": ("labels",),
    "NodePool": ("nodeConfig", "resourceLabels"),
    "Repository": ("labels",),
}
UNLABELLED: dict[str, Any] = {
    "Account": serviceaccount.AccountArgs,
    "BucketIAMMember": storage.BucketIAMMemberArgs,
    "CryptoKeyIAMMember": kms.CryptoKeyIAMMemberArgs,
    "IAMMember": projects.IAMMemberArgs,
    "KeyRing": kms.KeyRingArgs,
    "Network": compute.NetworkArgs,
    "RepositoryIamMember": artifactregistry.RepositoryIamMemberArgs,
    "Router": compute.RouterArgs,
    "RouterNat": compute.RouterNatArgs,
    "Subnetwork": compute.SubnetworkArgs,
}


@pytest.fixture(scope="module")
def recorded() -> Recording:
    return run_program(whole)[1]


def test_a_node_pool_goes_before_the_cluster_and_the_cluster_before_its_way_out(recorded: Recording):
    for pool in ("harbour-system", "harbour-nodes"):
        pools = before(recorded, "NodePool", pool)
        assert {"harbour-cluster", "harbour-nodes-role", "harbour-key-compute"} <= pools
    assert {"harbour-network", "harbour-subnet", "harbour-nat", "harbour-key-container"} <= before(
        recorded, "Cluster", "harbour-cluster"
    )


def test_what_is_in_the_cluster_goes_before_its_nodes(recorded: Recording):
    assert {"harbour-cluster", "harbour-system"} <= before(recorded, "ComputeClass", "harbour-class")


def test_data_goes_before_the_right_to_its_key(recorded: Recording):
    assert "harbour-key-storage" in before(recorded, "Bucket", "harbour-bucket")
    assert "harbour-key-artifactregistry" in before(recorded, "Repository", "harbour-images")


def test_what_cannot_be_had_back_is_protected_by_default(recorded: Recording):
    protected = {kind_of(found) for found in of_google(recorded) if found.protect}
    assert protected == {"Bucket", "CryptoKey", "Repository"}
    assert recorded.the("Cluster").inputs["deletionProtection"] is True
    assert recorded.the("Bucket").inputs["forceDestroy"] is False


def test_without_protection_everything_can_be_deleted():
    for kind in (GkeCluster, GcsModelStore, ArtifactRegistry):
        _, recording = run_program(component(kind, "harbour", deletion_protection=False))
        assert [found.name for found in of_google(recording) if found.protect] == []
        clusters = recording.of_type("Cluster")
        assert [cluster.inputs["deletionProtection"] for cluster in clusters] == [False] * len(clusters)


def test_every_resource_that_can_have_labels_has_them(recorded: Recording):
    for found in of_google(recorded):
        kind = kind_of(found)
        if kind in LABELLED:
            value: Any = found.inputs
            for key in LABELLED[kind]:
                value = value[key]
            assert value == LABELS, found.name
        else:
            assert kind in UNLABELLED


@pytest.mark.parametrize("kind", UNLABELLED)
def test_what_has_no_labels_can_have_none(kind: str):
    assert [name for name in inspect.signature(UNLABELLED[kind]).parameters if "labels" in name] == []


@pytest.mark.parametrize("name", ["h", "h" * MAX_NAME_LENGTH])
def test_names_are_within_googles_limits(name: str):
    _, recording = run_program(lambda: whole(name))
    for found in of_google(recording):
        kind = kind_of(found)
        if "Member" in kind:
            continue
        fewest, most = LIMITS[kind]
        fixed = FIXED_NAMES.get(kind)
        length = len(found.inputs[fixed]) if fixed else len(found.name) + PULUMIS_SUFFIX
        assert fewest <= length <= most, found.name
