"""From what a program has registered to Kubernetes objects as they are written: pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from moorage.cli.absent import absent_values, is_unknown
from moorage.cli.credentials import CREDENTIALS
from moorage.cli.external_secret import external_secret, store_entry
from moorage.cli.helm_release import RELEASE_TYPE, HelmRelease, as_document, helm_release
from moorage.cli.manifest import Document, Identity, identity, mapping
from moorage.cli.recording import Registration, Secret, Value

_NOT_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")
"""Resources of Pulumi's provider for which the cluster has no object of the same name."""
_PROVIDER_ANNOTATION = "pulumi.com/"
"""Prefix of what only Pulumi's Kubernetes provider reads."""
_NAMED = 4
"""Resources that one reason names."""
_SECRET_PARTS = ("data", "stringData")


@dataclass(frozen=True)
class Manifests:
    """What a stack's objects are, and why some of them cannot be written."""

    objects: list[Document] = field(default_factory=list[Document])
    problems: list[str] = field(default_factory=list[str])
    missing_secrets: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By the secret store's entry: the properties whose values are still to be put there."""
    api_keys: dict[str, str] = field(default_factory=dict[str, str])
    """Keys that were made up for the objects, by their resources: the objects have their hashes alone."""
    helm_releases: list[HelmRelease] = field(default_factory=list[HelmRelease])
    """Charts, whose objects Helm alone makes."""
    other_resources: list[str] = field(default_factory=list[str])
    """Type and name of what providers make besides."""


def manifests_of(registrations: Sequence[Registration], *, secret_store: str, show_secrets: bool) -> Manifests:
    """The objects in the order of their registration.

    A `Secret` becomes an `ExternalSecret` of `secret_store`, unless `show_secrets`.
    """
    others = [found for found in registrations if found.custom and not _is_object(found)]
    charts = [found for found in others if found.type == RELEASE_TYPE]
    result = Manifests(other_resources=[f"{found.type} {found.name}" for found in others if found not in charts])
    for registration in charts:
        release = helm_release(registration)
        result.problems.extend(_problems(registration, as_document(release), show_secrets=show_secrets))
        result.helm_releases.append(
            replace(release, values={key: _plain(part) for key, part in release.values.items()})
        )
    known: dict[Identity, str] = {}
    for registration in filter(_is_object, registrations):
        document = _document(registration)
        named = identity(document)
        if (twin := known.setdefault(named, registration.urn)) != registration.urn:
            result.problems.append(f"{named}: registered twice, by {twin} and by {registration.urn}")
        if (document["apiVersion"], named.kind) == ("v1", "Secret") and not show_secrets:
            keys = _keys(document)
            result.missing_secrets[store_entry(document)] = keys
            result.problems.extend(_unknown_keys(registration, document))
            document = external_secret(document, keys, secret_store)
        else:
            result.problems.extend(_problems(registration, document, show_secrets=show_secrets))
        result.objects.append({key: _plain(part) for key, part in document.items()})
    return result


def _is_object(registration: Registration) -> bool:
    return (
        registration.type.startswith("kubernetes:")
        and not registration.type.startswith(_NOT_OBJECTS)
        and {"apiVersion", "kind"} <= registration.inputs.keys()
    )


def _document(registration: Registration) -> Document:
    """The inputs, with a name and without what only Pulumi's provider reads."""
    metadata = {"name": registration.name, **mapping(registration.inputs.get("metadata"))}
    annotations = mapping(metadata.pop("annotations", None))
    if kept := {key: text for key, text in annotations.items() if not key.startswith(_PROVIDER_ANNOTATION)}:
        metadata["annotations"] = kept
    return {**registration.inputs, "metadata": metadata}


def _keys(secret: Document) -> list[str]:
    return sorted({key for part in _SECRET_PARTS for key in mapping(secret.get(part))})


def _unknown_keys(registration: Registration, secret: Document) -> Iterator[str]:
    for part in _SECRET_PARTS:
        value = secret.get(part)
        if is_unknown(value.value if isinstance(value, Secret) else value):
            yield f"{_shown(registration, secret)}: the keys of {part} are only known {_after(registration, part)}"


def _problems(registration: Registration, document: Document, *, show_secrets: bool) -> Iterator[str]:
    shown = _shown(registration, document)
    if not show_secrets:
        for path in _secrets(document):
            yield f"{shown}: {path} is a secret, but no Secret; --show-secrets would write it in clear"
    for path, text in _texts(document):
        place = f"{shown}: {path}"
        if is_unknown(text):
            yield f"{place} is only known {_after(registration, path.partition('.')[0].partition('[')[0])}"
        for what in absent_values(text):
            yield f"{place} needs {what}"


def _shown(registration: Registration, document: Document) -> str:
    """Kind, namespace and name; the resource's name where the object's own is not known."""
    named = identity(document)
    return str(replace(named, name=registration.name) if is_unknown(named.name) else named)


def _after(registration: Registration, name: str) -> str:
    """Says which resources the unknown input of this name waits for; a cloud's where there are any."""
    urns = sorted(registration.input_dependencies.get(name, ()))
    clouds = [urn for urn in urns if not _type(urn).startswith("kubernetes:")]
    waited_for = [f"{_type(urn)} {urn.split('::')[3]}" for urn in clouds or urns]
    instead = ", or with --show-secrets" if any(_type(urn) in CREDENTIALS for urn in urns) else ""
    more = [f"{len(waited_for) - _NAMED} more"] if len(waited_for) > _NAMED else []
    named = ", ".join([*waited_for[:_NAMED], *more]) or "what it depends on"
    return f"after `pulumi up` has made {named}{instead}"


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _secrets(value: Value, path: str = "") -> Iterator[str]:
    """Where each secret is."""
    if isinstance(value, Secret):
        yield path
    for step, part in _parts(value):
        yield from _secrets(part, f"{path}{step}".removeprefix("."))


def _texts(value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text, after where it is."""
    plain = value.value if isinstance(value, Secret) else value
    if isinstance(plain, str):
        yield path, plain
    for step, part in _parts(plain):
        yield from _texts(part, f"{path}{step}".removeprefix("."))


def _parts(value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        yield from ((f".{key}", part) for key, part in value.items())
    elif isinstance(value, list):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))


def _plain(value: Value) -> Value:
    """Without the marks of secrets, and with whole numbers as such: a protobuf number has no integers."""
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
