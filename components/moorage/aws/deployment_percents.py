"""How many engines a deployment of Amazon ECS may have more, or fewer, than are wanted: pure."""

import math
from typing import NamedTuple

_WHOLE = 100


class DeploymentPercents(NamedTuple):
    """Of the engines that are wanted."""

    minimum_healthy: int
    """ECS rounds up what it makes."""
    maximum: int
    """ECS rounds it down (docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html, read
    2026-11-25)."""


def deployment_percents(replicas: int, surge: int) -> DeploymentPercents:
    """With a surge, so many more and never one fewer; without, one fewer and never one more.

    ECS has percents alone: with more engines than `replicas`, more of them are replaced at once.
    """
    if surge:
        return DeploymentPercents(_WHOLE, _WHOLE + math.ceil(_WHOLE * surge / replicas))
    return DeploymentPercents(math.floor(_WHOLE * (replicas - 1) / replicas), _WHOLE)
