"""The program of docs/use-from-python.md makes what it says."""

import json
from collections import Counter

from tests.contract.recording import Recording, run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "use-from-python.md")

EXPECTED = {
    "moorage:index:VllmDeployment": 1,
    "moorage:index:KubernetesGateway": 1,
    "moorage:index:KubernetesValkey": 1,
    "kubernetes:core/v1:Namespace": 1,
    "pulumi-python:dynamic/moorage:ApiKey": 1,
    "pulumi-python:dynamic/moorage:Password": 1,
    "pulumi-python:dynamic/moorage:ServerCertificate": 1,
    "kubernetes:apps/v1:Deployment": 2,
    "kubernetes:apps/v1:StatefulSet": 1,
    "kubernetes:core/v1:Service": 3,
    "kubernetes:core/v1:ConfigMap": 1,
    "kubernetes:core/v1:Secret": 2,
    "kubernetes:policy/v1:PodDisruptionBudget": 2,
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": 1,
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_it_makes_these_resources():
    assert Counter(found.type for found in made().registrations) == EXPECTED


def test_its_gateway_knows_its_engines_and_its_cache():
    recording = made()
    (files,) = [found.inputs["data"] for found in recording.of_type("ConfigMap")]
    document = json.loads(files["gateway.json"])
    (upstream,) = document["upstreams"]
    assert upstream["address"].startswith("http://engine.harbour.svc:8000")
    (gateway,) = [found for found in recording.of_type("Deployment") if found.inputs["metadata"]["name"] == "gateway"]
    (container,) = gateway.inputs["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"]
    assert document["redis_url_environment_variable"]
