"""How a stack's resources are told from another stack's in one account and region."""

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from settings import Settings


def stack_dimension(settings: "Settings") -> str:
    """By which CloudWatch tells this stack's gateways from others."""
    return f"{pulumi.get_project()}-{settings.stack}"
