"""What every pod of this library may do: Pod Security's level `restricted`, and a root file system that is read-only.

kubernetes.io/docs/concepts/security/pod-security-standards (read 2026-11-25).
"""

from typing import Any

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
