"""Images that cannot change under a running cluster."""

import re
from typing import Annotated

from pydantic import AfterValidator

_DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")


def _has_a_digest(image: str) -> str:
    if not _DIGEST.fullmatch(image):
        raise ValueError("must be an image by its digest: name@sha256: and 64 hexadecimal digits")
    return image


PinnedImage = Annotated[str, AfterValidator(_has_a_digest)]
"""`name@sha256:…`: a tag can be moved to another image, a digest cannot."""
