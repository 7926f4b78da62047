"""Names that Google Cloud accepts for everything a component makes."""

import re

from moorage.spec.errors import Problem, SpecError
from moorage.spec.wording import shown

MAX_NAME_LENGTH = 24
"""With the longest of our suffixes, and the eight characters that Pulumi adds where it adds any, it is within the
limits that are met first: 30 for a service account's id, which Pulumi leaves alone (pulumi-gcp 10.2,
serviceaccount.Account), and 40 for a cluster and a node pool (google-cloud-container, container_v1.Cluster.name, read
2026-11-25)."""
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


def check_name(name: str) -> None:
    """Raises `SpecError` for a component's name of which Google Cloud refuses what is named after it."""
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        allowed = f"at most {MAX_NAME_LENGTH} lowercase letters, digits and inner hyphens, the first a letter"
        raise SpecError([Problem("name", f" = {shown(name)}: must be {allowed}")])
