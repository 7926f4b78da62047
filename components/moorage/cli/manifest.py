"""One Kubernetes object as a plain document, and what tells it from others."""

from dataclasses import dataclass

from moorage.cli.recording import Secret, Value

Document = dict[str, Value]
"""With `apiVersion`, `kind` and `metadata.name`."""


@dataclass(frozen=True)
class Identity:
    """What a cluster tells objects apart by."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def identity(document: Document) -> Identity:
    metadata = mapping(document["metadata"])
    return Identity(
        group=str(document["apiVersion"]).rpartition("/")[0],
        kind=str(document["kind"]),
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
    )


def mapping(value: Value) -> Document:
    """The mapping that the value is, maybe as a secret; empty for anything else."""
    plain = value.value if isinstance(value, Secret) else value
    return plain if isinstance(plain, dict) else {}
