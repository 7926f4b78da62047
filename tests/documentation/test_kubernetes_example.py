"""The program of docs/kubernetes.md makes what it says, and the refusal on that page is the real one."""

import json
from collections import Counter

from moorage.engine import Parallelism
from moorage.planner.gpu_memory import Demand, shortage
from moorage.spec import Load, parse_model
from tests.contract.recording import Recording, run_program
from tests.model_facts import LLAMA_8B

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "kubernetes.md")

EXPECTED = {
    "moorage:index:VllmDeployment": 1,
    "moorage:index:KubernetesGateway": 1,
    "moorage:index:KubernetesNamespace": 1,
    "kubernetes:core/v1:Namespace": 1,
    "moorage:index:NetworkPolicies": 1,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": 6,
    "pulumi-python:dynamic/moorage:ApiKey": 1,
    "kubernetes:apps/v1:Deployment": 2,
    "kubernetes:core/v1:Service": 2,
    "kubernetes:core/v1:ConfigMap": 1,
    "kubernetes:policy/v1:PodDisruptionBudget": 2,
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": 1,
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_it_makes_these_resources():
    assert Counter(found.type for found in made().registrations) == EXPECTED


def test_its_engines_are_on_the_pool_that_is_named():
    (engine,) = [found for found in made().of_type("Deployment") if found.inputs["metadata"]["name"] == "engine"]
    assert engine.inputs["spec"]["template"]["spec"]["nodeSelector"] == {"moorage.dev/gpu-pool": "l4"}


def test_its_gateway_knows_its_engines_and_is_reached_from_inside_alone():
    recording = made()
    (files,) = [found.inputs["data"] for found in recording.of_type("ConfigMap")]
    (upstream,) = json.loads(files["gateway.json"])["upstreams"]
    assert upstream["address"].startswith("http://engine.harbour.svc:8000")
    assert {found.inputs["spec"].get("type", "ClusterIP") for found in recording.of_type("Service")} == {"ClusterIP"}


def test_the_refusal_is_the_real_one():
    demand = Demand(parse_model({"source": "hf://a/b"}), LLAMA_8B, Load())
    shown = [" ".join(block.split()) for block in PAGE.blocks("text")]
    assert str(shortage(demand, Parallelism(), 21.96, "1 GPUs")) in shown
