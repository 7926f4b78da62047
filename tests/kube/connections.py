"""np-guard's netpol-analyzer: which connections the NetworkPolicies among some objects allow."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from tools.bootstrap.paths import TOOLS

from .cluster import Document
from .object_sets import pod_templates

Connection = tuple[str, str, str]
"""From where, to where, and by what, in the analyzer's words."""


def allowed_connections(documents: Iterable[Document], folder: Path) -> set[Connection]:
    """All of them: between the pods, with networks outside, and with pods that may be in the cluster besides."""
    objects = [*_policies_and_namespaces(documents), *_workloads(documents)]
    (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    command = [TOOLS / "netpolicy", "list", "--dirpath", folder, "--exposure", "--output", "json"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(finished.stdout)
    exposed = found["exposure_results"]
    parts = (found["connlist_results"], exposed["ingress_exposure"], exposed["egress_exposure"])
    return {(row["src"], row["dst"], row["conn"]) for part in parts for row in part or ()}


def _policies_and_namespaces(documents: Iterable[Document]) -> Iterator[Document]:
    return (document for document in documents if document["kind"] in {"NetworkPolicy", "Namespace"})


def _workloads(documents: Iterable[Document]) -> Iterator[Document]:
    """One for each template of pods: the analyzer knows no LeaderWorkerSet."""
    for document in documents:
        name, namespace = document["metadata"]["name"], document["metadata"].get("namespace")
        for number, template in enumerate(pod_templates(document)):
            labels = template["metadata"]["labels"]
            yield {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": f"{name}-{number}" if number else name, "namespace": namespace},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }
