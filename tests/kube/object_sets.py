"""All Kubernetes objects of ours: of each component's example, of each stack as `moorage render` writes it, and of each
page's program.
"""

import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import yaml
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs
from tools.bootstrap.paths import ROOT

from moorage.cli.manifest_files import file_name
from moorage.cli.manifests import manifests_of
from moorage.cli.offline_program import NoProviders, registrations
from moorage.cli.project import find_project, read_configuration
from moorage.cli.recording import Registration, run_program
from moorage.kubernetes.vllm import VllmDeployment
from tests.contract.aws_answers import AWS_FUNCTIONS
from tests.contract.examples import EXAMPLES, component
from tests.contract.recording import OUTPUTS
from tests.documentation.pages import Page

from .cluster import Document
from .engines import rendered

NAME = "harbour"
VARIANTS: Mapping[str, Callable[[], pulumi.ComponentResource]] = {
    "VllmDeployment over two nodes": component(
        VllmDeployment, NAME, pipeline_parallel_size=2, autoscaled=False, max_surge=...
    ),
}
"""What the examples do not show of their components."""


WITHOUT_DEFINITION = frozenset({("eks.amazonaws.com/v1", "NodeClass")})
"""API versions and kinds of which nobody publishes a definition: the API server cannot be asked about them."""


class _Asked(NoProviders):
    """Answers what components ask of AWS."""

    def __init__(self) -> None:
        super().__init__(make_credentials=True)

    def call(self, args: MockCallArgs) -> tuple[Document, list[tuple[str, str]]]:
        return AWS_FUNCTIONS[args.token], []


class _AfterUp(_Asked):
    """Knows what AWS and Google Cloud answer when a resource has been made, and writes a state of it."""

    def __init__(self) -> None:
        super().__init__()
        self._resources: list[Document] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, Document]:
        if not args.typ.startswith(("aws:", "gcp:")):
            return super().new_resource(args)
        answer = OUTPUTS.get(args.typ)
        outputs = {**args.inputs, **(answer(args.name, args.inputs) if answer else {})}
        urn = f"urn:pulumi:tests::moorage::{args.typ}::{args.name}"
        self._resources.append({"urn": urn, "type": args.typ, "id": f"{args.name}-id", "outputs": outputs})
        return f"{args.name}-id", outputs

    def state(self) -> str:
        """As `pulumi stack export` would write it."""
        return json.dumps({"version": 3, "deployment": {"resources": self._resources}})


def object_sets() -> Mapping[str, Callable[[], list[Document]]]:
    """How to get them, by where they come from."""
    examples = {kind.__name__: component(kind, NAME) for kind in EXAMPLES}
    with_objects = {name: program for name, program in examples.items() if _has_objects(program)}
    return {
        **{name: functools.partial(rendered, program) for name, program in {**with_objects, **VARIANTS}.items()},
        **{f"stack {name}": functools.partial(_stack, name, cloud) for name, cloud in _stacks().items()},
        **{page.name: functools.partial(_program, page) for page in _pages()},
    }


def _stacks() -> Mapping[str, str]:
    """Those of `stacks/` whose engines are in a cluster, and their clouds."""
    project = find_project(ROOT)
    names = sorted(file.name.split(".")[1] for file in project.stacks.glob("Pulumi.*.yaml"))
    keys = {name: read_configuration(project, name).values for name in names}
    clouds = {name: values[f"{project.name}:cloud"] for name, values in keys.items()}
    # What says which images run in a cluster names that of its cache.
    return {name: cloud for name, cloud in clouds.items() if '"cache"' in keys[name].get(f"{project.name}:images", "")}


@functools.cache
def _stack(name: str, cloud: str) -> list[Document]:
    """From the command itself, in the order of the files' names; of a cloud with a state of what it has made."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state.json")
        state.write_text(_state(name) if cloud != "kubernetes" else '{"deployment": {}}')
        out = Path(folder, "out")
        command = [Path(sys.executable).with_name("moorage"), "render", "--show-secrets", "--state", state]
        finished = subprocess.run([*command, "--stack", name, "--out", out], cwd=ROOT, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr
        return [yaml.safe_load(file.read_text()) for file in sorted(out.glob("*.yaml"))]


def _state(stack: str) -> str:
    project, provider = find_project(ROOT), _AfterUp()
    registrations(project, stack, read_configuration(project, stack), provider)
    return provider.state()


def _pages() -> list[Page]:
    """The components' pages that have a program for a cluster."""
    found = [Page(path) for path in sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if page.has_program and "kubernetes" in page.blocks("python")[0]]


@functools.cache
def _program(page: Page) -> list[Document]:
    _, recording = run_program(page.program, _AfterUp(), project="moorage", stack="tests", preview=True)
    return _objects(recording.registrations)


def _objects(registered: list[Registration]) -> list[Document]:
    manifests = manifests_of(registered, secret_store="moorage", show_secrets=True)
    assert manifests.problems == []
    return sorted(manifests.objects, key=file_name)


def kind_of(document: Document) -> tuple[str, str]:
    return document["apiVersion"], document["kind"]


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
    _, recording = run_program(program, _Asked(), project="moorage", stack="tests", preview=True)
    return bool(manifests_of(recording.registrations, secret_store="moorage", show_secrets=True).objects)
