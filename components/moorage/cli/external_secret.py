"""What stands for a Secret in files that anybody may read: where its values are to be fetched from."""

from collections.abc import Sequence

from moorage.cli.manifest import Document, identity, mapping


def external_secret(secret: Document, keys: Sequence[str], store: str) -> Document:
    """The `ExternalSecret` (external-secrets.io/latest/api/externalsecret, read 2026-11-25) that becomes `secret`.

    Each of `keys` is fetched from the `ClusterSecretStore` of this name: the property of the same name of the entry
    that `store_entry` names.
    """
    metadata = mapping(secret["metadata"])
    entry = store_entry(secret)
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": metadata,
        "spec": {
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": store},
            "target": {
                "name": metadata["name"],
                "template": {
                    "type": secret.get("type", "Opaque"),
                    "metadata": {part: metadata[part] for part in ("labels", "annotations") if part in metadata},
                },
            },
            "data": [{"secretKey": key, "remoteRef": {"key": entry, "property": key}} for key in keys],
        },
    }


def store_entry(secret: Document) -> str:
    """The store's entry with the values of a Secret: `<namespace>/<name>`, or its name alone."""
    named = identity(secret)
    return f"{named.namespace}/{named.name}" if named.namespace else named.name
