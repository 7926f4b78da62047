"""Labels of Google Cloud: what a user may ask for. A Kubernetes object's are another thing."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

# docs.cloud.google.com/resource-manager/docs/labels-overview (read 2026-11-25): 64 a resource, of which GKE and Pulumi
# set some themselves; the letters of other scripts, which Google allows too, are no use in a bill's query.
MAX_LABELS = 40
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_RESERVED = "goog"


def _checked(labels: Mapping[str, str]) -> Mapping[str, str]:
    if len(labels) > MAX_LABELS:
        raise ValueError(f"has {len(labels)} labels; must be at most {MAX_LABELS}")
    for key, value in labels.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            allowed = "at most 63 lowercase letters, digits, _ and -, the key beginning with a letter"
            raise ValueError(f"{key}={value}: key and value must be {allowed}")
        if key.startswith(_RESERVED):
            raise ValueError(f"{key}: must not begin with {_RESERVED}, as Google's own do")
    return labels


Labels = Annotated[Mapping[str, str], AfterValidator(_checked)]
"""A user's labels, which every resource gets that can have some."""
