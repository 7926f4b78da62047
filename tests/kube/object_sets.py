"""All Kubernetes objects of ours: of each component's example, and of each stack as `moorage render` writes it."""

import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import yaml
from tools.bootstrap.paths import ROOT

from moorage.cli.manifests import manifests_of
from moorage.cli.offline_program import NoProviders
from moorage.cli.project import find_project, read_configuration
from moorage.cli.recording import run_program
from moorage.kubernetes.vllm import VllmDeployment
from tests.contract.examples import EXAMPLES, component

from .cluster import Document
from .engines import rendered

NAME = "harbour"
VARIANTS: Mapping[str, Callable[[], pulumi.ComponentResource]] = {
    "VllmDeployment over two nodes": component(
        VllmDeployment, NAME, pipeline_parallel_size=2, autoscaled=False, max_surge=...
    ),
}
"""What the examples do not show of their components."""


def object_sets() -> Mapping[str, Callable[[], list[Document]]]:
    """How to get them, by where they come from."""
    examples = {kind.__name__: component(kind, NAME) for kind in EXAMPLES}
    with_objects = {name: program for name, program in examples.items() if _has_objects(program)}
    return {
        **{name: functools.partial(rendered, program) for name, program in {**with_objects, **VARIANTS}.items()},
        **{f"stack {name}": functools.partial(_stack, name) for name in _stacks()},
    }


def _stacks() -> list[str]:
    """Those of `stacks/` that are not for this machine alone."""
    project = find_project(ROOT)
    names = sorted(file.name.split(".")[1] for file in project.stacks.glob("Pulumi.*.yaml"))
    cloud = f"{project.name}:cloud"
    return [name for name in names if read_configuration(project, name).values[cloud] != "local"]


@functools.cache
def _stack(name: str) -> list[Document]:
    """In the order of the files' names, from the command itself."""
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("moorage"), "render", "--show-secrets"]
        finished = subprocess.run(
            [*command, "--stack", name, "--out", folder], cwd=ROOT, capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stderr
        return [yaml.safe_load(file.read_text()) for file in sorted(Path(folder).iterdir())]


def pods_of(document: Document) -> list[Document]:
    """A pod of each template in an object, however deep, as its controller would make it."""
    metadata = {"name": "admitted", "namespace": document["metadata"].get("namespace")}
    claims = document.get("spec", {}).get("volumeClaimTemplates", []) if document["kind"] == "StatefulSet" else []
    claimed = [
        {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
        for claim in claims
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template.get("metadata", {}), **metadata},
            "spec": {**template["spec"], "volumes": [*template["spec"].get("volumes", []), *claimed]},
        }
        for template in pod_templates(document)
    ]


def pod_templates(document: object) -> Iterator[Document]:
    """Every template of pods in an object, however deep."""
    if isinstance(document, dict):
        if isinstance(spec := document.get("spec"), dict) and "containers" in spec:
            yield document
            return
        for part in document.values():
            yield from pod_templates(part)


def prerequisites(documents: list[Document]) -> list[Document]:
    """What the objects take for granted and do not bring: priority classes and service accounts."""
    brought = {(document["kind"], document["metadata"]["name"]) for document in documents}
    wanted: list[Document] = []
    for document in documents:
        namespace = document["metadata"].get("namespace")
        for template in pod_templates(document):
            if name := template["spec"].get("priorityClassName"):
                wanted.append(_object("scheduling.k8s.io/v1", "PriorityClass", name, None, value=1000))
            if name := template["spec"].get("serviceAccountName"):
                wanted.append(_object("v1", "ServiceAccount", name, namespace))
    return [document for document in wanted if (document["kind"], document["metadata"]["name"]) not in brought]


def _object(api_version: str, kind: str, name: str, namespace: str | None, **body: object) -> Document:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def _has_objects(program: Callable[[], object]) -> bool:
    provider = NoProviders(make_credentials=True)
    _, recording = run_program(program, provider, project="moorage", stack="tests", preview=True)
    return bool(manifests_of(recording.registrations, secret_store="moorage", show_secrets=True).objects)
