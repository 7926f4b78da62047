"""One request that waits for its turn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from moorage_serving.gateway.config.tenants import TenantConfig


class Verdict(Enum):
    """How a request's waiting ended, other than by its client's leaving."""

    ADMITTED = auto()
    EXPIRED = auto()
    SHED = auto()


@dataclass(eq=False, slots=True)
class Waiter:
    """`verdict` is awaited by the request's task; it is cancelled with that task."""

    tenant: TenantConfig
    verdict: asyncio.Future[Verdict]
    since_seconds: float

    def decide(self, verdict: Verdict) -> None:
        """Tell the task, unless its client has left in this very moment."""
        if not self.verdict.done():
            self.verdict.set_result(verdict)
