"""What every pod of this library may do: Pod Security's level `restricted`, and a root file system that is read-only.

kubernetes.io/docs/concepts/security/pod-security-standards (read 2026-11-25).
"""

from typing import Any, Literal

Level = Literal["restricted", "privileged"]

USER_ID = 10001
"""Of processes and volumes. Above what images use for their own users, so that it is nobody's on the node."""

POD_SECURITY_CONTEXT: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY_CONTEXT: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def namespace_labels(level: Level) -> dict[str, str]:
    """By which Pod Security holds the pods of a namespace to a level (…/concepts/security/pod-security-admission)."""
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")}
