"""What Prometheus is told about engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX = "moorage_gateway_upstream"


class UpstreamMetrics:
    """Labels are configured upstreams and fixed reasons."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failures = Counter(
            f"{PREFIX}_failures",
            "Tries that gave no good answer: an error's code, or status for an answer 429 or 500 to 504.",
            ["upstream", "reason"],
            registry=registry,
        )
        self.failovers = Counter(
            f"{PREFIX}_failovers",
            "Requests that came here because an engine before this one failed them.",
            ["upstream"],
            registry=registry,
        )
