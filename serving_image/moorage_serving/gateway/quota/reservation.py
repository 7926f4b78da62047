"""What a request holds while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.quota.answers import Headers


class Reservation:
    """Nothing held: what a tenant without limits gets. `headers` belong on the answer.

    `tokens` is what was reserved, and what to settle when nobody knows what was used.
    """

    __slots__ = ("headers", "tokens")

    def __init__(self, headers: Headers = (), tokens: int = 0) -> None:
        self.headers = headers
        self.tokens = tokens

    def settle(self, tokens: int) -> None:
        """The request is over and used so many tokens. Never waits, never fails; a second time is ignored."""
