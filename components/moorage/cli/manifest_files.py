"""Kubernetes objects as YAML files: one each, named so that the order of names is an order to apply them in."""

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from moorage.cli.helm_release import HelmRelease
from moorage.cli.manifest import Document, identity

_HEADER = "# Written by `moorage render`"
# As Helm installs them (helm.sh/helm/v3/pkg/releaseutil/kind_sorter.go, read 2026-11-25); all other kinds come last.
_ORDER: Sequence[frozenset[str]] = (
    frozenset({"Namespace"}),
    frozenset({"CustomResourceDefinition", "PriorityClass", "StorageClass", "RuntimeClass"}),
    frozenset(
        {
            "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
            "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget",
        }
    ),
    frozenset({"Secret", "ExternalSecret", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim"}),
    frozenset({"Service"}),
    frozenset({"Pod", "DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob", "LeaderWorkerSet"}),
)  # fmt: skip
_LINE_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_PRIVATE, _PUBLIC = 0o600, 0o644


def file_name(document: Document) -> str:
    """`50-deployment.apps_namespace_name.yaml`; no two objects of a cluster have the same."""
    named = identity(document)
    order = 10 * next((index for index, kinds in enumerate(_ORDER) if named.kind in kinds), len(_ORDER))
    qualified = f"{named.kind.lower()}.{named.group}" if named.group else named.kind.lower()
    # Names of roles may hold a colon, which not every file system takes.
    place = "_".join(part for part in (qualified, named.namespace, named.name) if part)
    return f"{order:02}-{place.replace(':', '-')}.yaml"


def to_yaml(document: Document) -> str:
    """Keys in alphabetical order, texts of several lines as blocks."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=True, width=120, allow_unicode=True)


def write_manifests(
    directory: Path, stack: str, documents: Sequence[Document], releases: Sequence[HelmRelease] = ()
) -> None:
    """Makes the folder hold these objects and charts' values and no others of an earlier call; files of other origin
    stay as they are."""
    directory.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.yaml", "*.values"):
        for file in directory.glob(pattern):
            if file.read_text().startswith(_HEADER):
                file.unlink()
    for document in documents:
        mode = _PRIVATE if document["kind"] == "Secret" else _PUBLIC
        _write(directory / file_name(document), stack, document, mode)
    for release in releases:
        # Values of any chart may be secret.
        _write(directory / release.file_name, stack, release.values, _PRIVATE)


def _write(file: Path, stack: str, content: Document, mode: int) -> None:
    file.touch(mode=mode)
    file.write_text(f"{_HEADER} from the stack {stack}; the next call replaces it.\n{to_yaml(content)}")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no aliases, which other tools may not read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _LINE_BREAKS.search(value):
        style = '"'  # YAML's other line breaks would be taken for spaces anywhere else
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)
