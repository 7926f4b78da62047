"""The labels that every Kubernetes object of this library carries."""

import hashlib
import re

MODEL_LABEL = "moorage.dev/model"
"""On engine pods: the name that clients ask for, as `label_value` writes it."""

# kubernetes.io/docs/concepts/overview/working-with-objects/labels (read 2026-11-25)
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_LENGTH = 63
_DIGEST_LENGTH = 8


def object_labels(*, name: str, instance: str, component: str) -> dict[str, str]:
    """What every object gets (kubernetes.io/docs/concepts/overview/working-with-objects/common-labels).

    Args:
        name: the application, such as `vllm`.
        instance: the name of the Pulumi component that made the object.
        component: its part in the whole: `engine`, `gateway`, `cache`, …
    """
    return {
        **selector_labels(name=name, instance=instance),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "moorage",
        "app.kubernetes.io/managed-by": "pulumi",
    }


def selector_labels(*, name: str, instance: str) -> dict[str, str]:
    """Those of `object_labels` that tell one component's pods from all others; a selector can never change."""
    return {"app.kubernetes.io/name": label_value(name), "app.kubernetes.io/instance": label_value(instance)}


def component_selector(component: str) -> dict[str, str]:
    """Those of `object_labels` that all pods of one part have, whichever component made them."""
    return {"app.kubernetes.io/part-of": "moorage", "app.kubernetes.io/component": component}


def label_value(text: str) -> str:
    """`text` itself where it can be a label's value, else what is left of it and a digest of the whole."""
    if _VALUE.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = _NOT_ALLOWED.sub("-", text).strip("-_.")[: _MAX_LENGTH - _DIGEST_LENGTH - 1]
    return f"{readable}-{digest}".lstrip("-")
