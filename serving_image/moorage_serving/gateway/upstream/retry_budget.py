"""Keeps retries and hedges a small part of all requests, so that they do not add to an overload."""

from __future__ import annotations

# As Finagle's and linkerd's retry budgets: a fifth of the requests, and ten more for those with few.
RATIO = 0.2
FREE_TRIES = 10.0


class RetryBudget:
    """Every request pays in a fifth of a try; every further try takes one out. Up to ten can be saved."""

    __slots__ = ("_tries",)

    def __init__(self) -> None:
        self._tries = FREE_TRIES

    def deposit(self) -> None:
        """A request has come."""
        self._tries = min(FREE_TRIES, self._tries + RATIO)

    def withdraw(self) -> bool:
        """Whether one more try is allowed, which it then has cost."""
        if self._tries < 1:
            return False
        self._tries -= 1
        return True
