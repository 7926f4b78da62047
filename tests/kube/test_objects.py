"""The API server accepts every Kubernetes object of ours, and restricted namespaces admit every pod."""

import pytest
from kubernetes.dynamic.exceptions import DynamicApiError

from .cluster import RESTRICTED, Cluster, Document, refusal
from .object_sets import WITHOUT_DEFINITION, kind_of, object_sets, pods_of, prerequisites

SETS = object_sets()
PRIVILEGED = {"nvidia-device-plugin"}
"""The device plugin mounts the folder of the node in which devices are announced."""
every_set = pytest.mark.parametrize("name", SETS)


def refusals(cluster: Cluster, documents: list[Document]) -> list[str]:
    """Of all of the objects, and of a pod of each template, what the API server refuses, and why."""
    for namespace in {document["metadata"].get("namespace") for document in documents} - {None}:
        cluster.ensure_namespace(namespace)
    with cluster.applied(prerequisites(documents)):
        try:
            objects = [why for document in documents if (why := _refusal(cluster, document))]
            pods = [pod for document in documents for pod in pods_of(document)]
            return [*objects, *(why for pod in pods if (why := _refusal(cluster, pod, dry_run=True)))]
        finally:
            # Not namespaces: others of the same name could not be made while they go.
            for document in reversed([document for document in documents if document["kind"] != "Namespace"]):
                cluster.delete(document)


def _refusal(cluster: Cluster, document: Document, *, dry_run: bool = False) -> str | None:
    try:
        cluster.apply(document, dry_run=dry_run)
    except DynamicApiError as error:
        return f"{document['kind']} {document['metadata']['name']}: {refusal(error)}"
    return None


@every_set
def test_every_object_and_every_pod_is_accepted(cluster: Cluster, name: str):
    documents = [document for document in SETS[name]() if kind_of(document) not in WITHOUT_DEFINITION]
    assert documents
    assert refusals(cluster, documents) == []


@every_set
def test_every_namespace_is_restricted(name: str):
    namespaces = [document["metadata"] for document in SETS[name]() if document["kind"] == "Namespace"]
    open_ones = [found["name"] for found in namespaces if not RESTRICTED.items() <= found.get("labels", {}).items()]
    assert set(open_ones) <= PRIVILEGED


def test_what_is_refused_is_found(cluster: Cluster):
    metadata = {"name": "wrong", "namespace": "harbour"}
    container = {"name": "one", "image": "x", "securityContext": {"privileged": True}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template, "replicaz": 1}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    unknown_field, privileged = refusals(cluster, [deployment])
    assert "replicaz" in unknown_field
    assert "privileged" in privileged
