"""How a stack's resources are told from another stack's in one account and region."""

import hashlib
import re
from typing import TYPE_CHECKING

import pulumi

from moorage.aws.monitoring_spec import MAX_STACK_LENGTH, STACK

if TYPE_CHECKING:
    from settings import Settings

_DIGEST_LENGTH = 8


def stack_dimension(settings: "Settings") -> str:
    """By which CloudWatch tells this stack's gateways from others.

    Pulumi takes stacks' names that CloudWatch does not: with dots, say.
    """
    return distinct_name(f"{pulumi.get_project()}-{settings.stack}", STACK, MAX_STACK_LENGTH)


def distinct_name(text: str, allowed: re.Pattern[str], max_length: int) -> str:
    """`text` itself where it is allowed, else what is left of it and a digest of the whole."""
    if len(text) <= max_length and allowed.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text)[: max_length - _DIGEST_LENGTH - 1].strip("-")
    return f"{readable}-{digest}"
