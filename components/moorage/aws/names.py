"""Names that AWS accepts for everything a component makes."""

import re

from moorage.spec.errors import Problem, SpecError
from moorage.spec.wording import shown

MAX_NAME_LENGTH = 30
"""Long enough to tell stacks apart, and short enough for all that is named after it: with our suffix and Pulumi's eight
characters, a node pool (63, a label's value), a bucket (63, docs.aws.amazon.com/AmazonS3/latest/userguide/
bucketnamingrules.html), a role (64, docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; both read
2026-11-25)."""
# Two hyphens in a row are refused by ElastiCache (botocore 1.43.117: CreateReplicationGroup, ReplicationGroupId).
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def check_name(name: str) -> None:
    """Raises `SpecError` for a component's name of which AWS refuses what is named after it."""
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        allowed = f"at most {MAX_NAME_LENGTH} lowercase letters, digits and single inner hyphens, the first a letter"
        raise SpecError([Problem("name", f" = {shown(name)}: must be {allowed}")])
