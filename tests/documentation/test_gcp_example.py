"""The example for Google Cloud makes what its page says."""

from collections import Counter
from typing import Any

import pytest

from tests.contract.recording import Secret, run_program, value_of

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


def test_the_example_makes_what_is_said(monkeypatch: pytest.MonkeyPatch):
    exported: dict[str, Any] = {}
    monkeypatch.setattr("pulumi.export", exported.__setitem__)
    (example,) = PAGE.blocks("python")
    _, recording = run_program(lambda: exec(compile(example, "example", "exec"), {}))  # noqa: S102
    assert Counter(found.type.rpartition(":")[2] for found in recording.registrations) == MADE
    assert value_of(exported["models"]) == "gs://models-bucket-1a2b3c4"
    assert value_of(exported["images"]) == "europe-west4-docker.pkg.dev/harbour-test/images"
    assert isinstance(value_of(exported["kubeconfig"]), Secret)


def test_the_page_names_every_component():
    assert set(PAGE.table("component")) == {
        *(kind for kind in MADE if kind.startswith(("Gke", "Gcs", "ArtifactRegistry"))),
        "GkeGpuPool",
    }
