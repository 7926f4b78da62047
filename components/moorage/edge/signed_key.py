"""Keys as clients have them at the edge: the gateway's key, and by what the edge knows that it was given out."""

import base64
import hashlib
import hmac
import re

# As `viewer_request.js` has it.
_KEY = re.compile(r"[A-Za-z0-9_-]{16,200}")


def signed_key(key: str, signing_secret: str) -> str:
    """`KEY.MAC`, where MAC is the key's HMAC-SHA-256 in base64url. The edge takes it off before the gateway sees it.

    Raises `ValueError` for a key that the edge would refuse, signed or not.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(
            "a key that is signed must have 16 to 200 letters, digits, underscores and hyphens, and no more"
        )
    digest = hmac.new(signing_secret.encode(), key.encode(), hashlib.sha256).digest()
    return f"{key}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
