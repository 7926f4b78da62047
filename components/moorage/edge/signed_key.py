"""Keys as clients have them at the edge: the gateway's key, and by what the edge knows that it was given out."""

import base64
import hashlib
import hmac


def signed_key(key: str, signing_secret: str) -> str:
    """`KEY.MAC`, where MAC is the key's HMAC-SHA-256 in base64url. The edge takes it off before the gateway sees it."""
    digest = hmac.new(signing_secret.encode(), key.encode(), hashlib.sha256).digest()
    return f"{key}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
