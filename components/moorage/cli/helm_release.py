"""A Helm chart that a stack installs: not written as objects, which only Helm makes of it, but as what Helm is told."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from moorage.cli.manifest import Document, mapping
from moorage.cli.recording import Registration

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True)
class HelmRelease:
    """As `helm upgrade --install` takes it."""

    name: str
    namespace: str
    chart: str
    """A name in the repository, or an `oci://` address."""
    repository: str
    """Empty for an `oci://` chart."""
    version: str
    """Empty for the newest."""
    values: Document

    @property
    def file_name(self) -> str:
        """Of the values. Without `.yaml`: what applies a folder of objects passes it over."""
        return f"helm_{self.namespace}_{self.name}.values"

    def command(self, directory: Path) -> str:
        """Installs it with the values in this folder."""
        repository = ["--repo", self.repository] if self.repository else []
        version = ["--version", self.version] if self.version else []
        place = ["--namespace", self.namespace, "--values", str(directory / self.file_name)]
        return shlex.join(["helm", "upgrade", "--install", self.name, self.chart, *repository, *version, *place])


def helm_release(registration: Registration) -> HelmRelease:
    inputs = registration.inputs
    return HelmRelease(
        name=str(inputs.get("name") or registration.name),
        namespace=str(inputs.get("namespace") or "default"),
        chart=str(inputs["chart"]),
        repository=str(mapping(inputs.get("repositoryOpts")).get("repo", "")),
        version=str(inputs.get("version") or ""),
        values=mapping(inputs.get("values")),
    )


def as_document(release: HelmRelease) -> Document:
    """To be looked through as an object is."""
    return {
        "apiVersion": "helm.sh/v3",
        "kind": "Release",
        "metadata": {"name": release.name, "namespace": release.namespace},
        "values": release.values,
    }
