"""Names that AWS accepts for everything a component makes."""

import re

from moorage.spec.errors import Problem, SpecError
from moorage.spec.wording import shown

MAX_NAME_LENGTH = 30
"""With the longest of our suffixes and the eight characters that Pulumi adds, it is within the shortest limit that
meets it: 63 for a bucket and a node group (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
botocore 1.43.117's eks model), 64 for a role (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, both
read 2026-11-25)."""
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


def check_name(name: str) -> None:
    """Raises `SpecError` for a component's name of which AWS refuses what is named after it."""
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        allowed = f"at most {MAX_NAME_LENGTH} lowercase letters, digits and inner hyphens, the first a letter"
        raise SpecError([Problem("name", f" = {shown(name)}: must be {allowed}")])
