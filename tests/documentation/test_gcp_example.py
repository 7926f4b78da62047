"""The example for Google Cloud makes what its page says."""

from collections import Counter
from typing import Any

import pytest

from tests.contract.recording import Recording, Secret, run_program, value_of

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "gcp.md")

MADE = {
    "ArtifactRegistry": 1,
    "GcsModelStore": 1,
    "GkeCluster": 1,
    "GkeComputeClass": 1,
    "GkeNetwork": 1,
    "GkeWorkloadIdentity": 1,
    "kubernetes": 1,
    "Account": 2,
    "Bucket": 1,
    "BucketIAMMember": 1,
    "Cluster": 1,
    "ComputeClass": 1,
    "CryptoKey": 3,
    "CryptoKeyIAMMember": 4,
    "IAMMember": 2,
    "KeyRing": 3,
    "Network": 1,
    "NodePool": 1,
    "Repository": 1,
    "RepositoryIamMember": 1,
    "Router": 1,
    "RouterNat": 1,
    "Subnetwork": 2,
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_the_example_makes_what_is_said(monkeypatch: pytest.MonkeyPatch):
    exported: dict[str, Any] = {}
    monkeypatch.setattr("pulumi.export", exported.__setitem__)
    recording = made()
    assert Counter(found.type.rpartition(":")[2] for found in recording.registrations) == MADE
    assert value_of(exported["models"]) == "gs://models-bucket-1a2b3c4"
    assert value_of(exported["images"]) == "europe-west4-docker.pkg.dev/harbour-test/images"
    assert isinstance(value_of(exported["kubeconfig"]), Secret)


def test_the_ladder_is_the_one_that_is_written():
    priorities = made().of_type("ComputeClass")[0].inputs["spec"]["priorities"]
    assert [(rung["machineType"], rung.get("spot"), "flexStart" in rung) for rung in priorities] == [
        ("g2-standard-8", False, False),
        ("g2-standard-8", None, True),
        ("g2-standard-12", True, False),
    ]
    assert {tuple(rung["location"]["zones"]) for rung in priorities} == {("europe-west4-a", "europe-west4-b")}


def test_the_cluster_is_private_and_what_cannot_be_had_back_is_guarded():
    recording = made()
    cluster = recording.the("Cluster").inputs
    assert cluster["privateClusterConfig"]["enablePrivateNodes"] is True
    assert cluster["deletionProtection"] is True
    protected = {found.type.rpartition(":")[2] for found in recording.registrations if found.protect}
    assert protected == {"Bucket", "CryptoKey", "Repository"}


def test_the_engine_may_read_the_models_and_nothing_else():
    member = made().the("BucketIAMMember").inputs
    assert member["role"] == "roles/storage.objectViewer"
    assert member["bucket"] == "models-bucket-1a2b3c4"


def test_the_page_names_every_component():
    assert set(PAGE.table("component")) == {
        *(kind for kind in MADE if kind.startswith(("Gke", "Gcs", "ArtifactRegistry"))),
        "GkeGpuPool",
    }
