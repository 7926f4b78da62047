"""What makes requests belong together: a tenant's conversation, recognised by how it begins."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.request_body import InferenceRequest

# Enough to tell conversations apart; a longer beginning would cost more than it tells.
MAX_CHARACTERS = 1024
SYSTEM_ROLES = ("system", "developer")  # compared, not hashed: a role can be any JSON


def conversation_of(tenant_id: str, request: InferenceRequest) -> bytes:
    """The same 16 bytes for all requests of a conversation, and for no other's.

    The system prompt is passed over: many conversations share it. The tenant is part of it, so that nothing about one
    tenant's prompts can be read from how fast another's are answered.
    """
    beginning = beginning_of(request.document)[:MAX_CHARACTERS]
    digest = hashlib.blake2b(digest_size=16)
    for part in (tenant_id, request.model, beginning):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4))
        digest.update(encoded)
    return digest.digest()


def beginning_of(document: dict[str, object]) -> str:
    """The first turn that is not the system's, or the prompt."""
    messages = document.get("messages")
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, dict) and message.get("role") not in SYSTEM_ROLES:
                return text_of(message.get("content"))
    return text_of(document.get("prompt", document.get("input")))


def text_of(content: object) -> str:
    """Text, or the texts of a list of texts or content parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(
        part if isinstance(part, str) else str(part.get("text", "")) if isinstance(part, dict) else ""
        for part in content
    )
