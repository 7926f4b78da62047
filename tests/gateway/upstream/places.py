"""What choosing looks at of an endpoint, without anything behind it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Place:
    """An endpoint that takes `slots` requests at once."""

    unique_name: str
    load: int = 0
    weight: float = 1.0
    is_up: bool = True
    slots: float = float("inf")

    def accepts(self, now: float) -> bool:
        return self.is_up and self.load < self.slots


def places(count: int) -> list[Place]:
    return [Place(f"engine/10.0.0.{number}") for number in range(count)]
