"""Sends a share of the conversations to another revision, and stops by itself when that does worse."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.upstream.recent_answers import RecentAnswers

if TYPE_CHECKING:
    from moorage_serving.gateway.config.serving import CanaryConfig
    from moorage_serving.gateway.upstream.recent_answers import Standing

log = structlog.get_logger("canary")
WINDOW_SECONDS = 600.0
MIN_REQUESTS = 20
JUDGE_SECONDS = 1.0
MAX_CONVERSATIONS = 10_000
# The last bytes of a conversation's digest: its first ones choose the endpoint, and the two must not depend on each
# other, or a canary's conversations would all be on a part of its endpoints.
POSITION_BYTES = 4
POSITIONS = 2 ** (8 * POSITION_BYTES)


class Canary:
    """`held` says why no new conversation goes to the revision; None while they do.

    A conversation stands at a fixed place of a line; the canary gets those before a point that moves with the share.
    So a larger share keeps those that were in the smaller one, and gateways agree without talking. Conversations that
    began on the canary stay there when it is held; the last 10,000 are known.
    """

    def __init__(self, config: CanaryConfig) -> None:
        self.config = config
        self.held: str | None = None
        self._canary = RecentAnswers(WINDOW_SECONDS)
        self._stable = RecentAnswers(WINDOW_SECONDS)
        self._begun: OrderedDict[bytes, None] = OrderedDict()
        self._judged_at = 0.0

    def takes(self, conversation: bytes) -> bool:
        """Whether a conversation (a digest of at least 12 bytes) is answered by the new revision."""
        if position_percent(conversation) >= self.config.percent:
            return False
        if self.held is not None:
            return conversation in self._begun
        self._begun[conversation] = None
        self._begun.move_to_end(conversation)
        if len(self._begun) > MAX_CONVERSATIONS:
            self._begun.popitem(last=False)
        return True

    def record(self, revision: str, first_byte_seconds: float | None, *, failed: bool) -> None:
        """One answer of either revision has ended, or did not come."""
        now = time.monotonic()
        side = self._canary if revision == self.config.revision else self._stable
        side.add(now, first_byte_seconds, failed=failed)
        if self.held is None and now - self._judged_at >= JUDGE_SECONDS:
            self._judged_at = now
            self._judge(self._canary.standing(now), self._stable.standing(now))

    def _judge(self, canary: Standing, stable: Standing) -> None:
        reason = reason_to_hold(self.config, canary, stable)
        if reason is not None:
            self.held = reason
            log.warning("canary_held", model=self.config.model, revision=self.config.revision, reason=reason)


def position_percent(conversation: bytes) -> float:
    """Where a conversation stands: from 0 to less than 100, the same everywhere and for ever."""
    return int.from_bytes(conversation[-POSITION_BYTES:]) * 100 / POSITIONS


def reason_to_hold(config: CanaryConfig, canary: Standing, stable: Standing) -> str | None:
    """What is worse about the canary; None for nothing, or for too few requests (20) to say."""
    if canary.requests < MIN_REQUESTS:
        return None
    if canary.failure_ratio > max(config.max_error_ratio, stable.failure_ratio):
        return "error_ratio"
    if stable.requests < MIN_REQUESTS:
        return None
    own, usual = canary.median_first_byte_seconds, stable.median_first_byte_seconds
    if own is not None and usual and own > usual * config.max_time_to_first_token_ratio:
        return "time_to_first_token"
    return None
