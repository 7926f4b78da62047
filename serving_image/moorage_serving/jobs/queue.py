"""What a worker asks of a queue, whatever its technology."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Delivery:
    """One message, for a while this worker's alone."""

    body: str
    receipt: str
    """By which the queue knows this delivery."""
    receive_count: int
    """How often the message has been delivered, this time included."""


class DeliveryLostError(Exception):
    """The message has gone back to the queue, or is gone: it may be another worker's by now."""


class JobQueue(Protocol):
    """Delivers each message at least once; after too many deliveries it sets it aside."""

    visibility_seconds: int
    """So long a delivery is one worker's alone unless it extends that."""

    async def publish(self, body: str) -> None: ...

    async def receive(self, most: int) -> Sequence[Delivery]:
        """Waits some seconds for the first. Cancelled, what was on its way comes again later."""
        ...

    async def extend(self, delivery: Delivery) -> None:
        """Keep the message for `visibility_seconds` from now. Raises DeliveryLostError."""
        ...

    async def give_back(self, delivery: Delivery, delay_seconds: int) -> None:
        """Have it delivered again, after the delay. Nothing where it has gone back already."""
        ...

    async def acknowledge(self, delivery: Delivery) -> None:
        """It is done, and never delivered again."""
        ...
