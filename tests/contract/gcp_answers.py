"""What Google Cloud answers, by the type of resource, as far as our components ask for it."""

from collections.abc import Callable, Mapping
from typing import Any

PROJECT_ID = "harbour-test"
PROJECT_NUMBER = "123456789012"
REGION = "europe-west4"

Answer = Callable[[str, Mapping[str, Any]], dict[str, object]]


def _account(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    email = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{inputs['project']}/serviceAccounts/{email}",
    }


def _cluster(name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    cluster = f"projects/{inputs['project']}/locations/{inputs['location']}/clusters/{name}-1a2b3c4"
    endpoints = inputs["controlPlaneEndpointsConfig"]
    dns = {**endpoints["dnsEndpointConfig"], "endpoint": "gke-0123456789abcdef.europe-west4.gke.goog"}
    return {
        "name": f"{name}-1a2b3c4",
        "endpoint": "10.0.0.2",
        "selfLink": f"https://container.googleapis.com/v1/{cluster}",
        "masterVersion": "1.36.4-gke.1244000",
        "masterAuth": {**inputs["masterAuth"], "clusterCaCertificate": "Q0VSVElGSUNBVEU="},
        "controlPlaneEndpointsConfig": {**endpoints, "dnsEndpointConfig": dns},
    }


def _bucket(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"name": f"{name}-1a2b3c4", "url": f"gs://{name}-1a2b3c4"}


def _repository(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"registryUri": f"{inputs['location']}-docker.pkg.dev/{inputs['project']}/{inputs['repositoryId']}"}


GCP_ANSWERS: Mapping[str, Answer] = {
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:compute/router:Router": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:storage/bucket:Bucket": _bucket,
}
