"""What Prometheus is told about engines that are started on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX = "moorage_gateway_activation"


class ActivationMetrics:
    """Labels are configured upstreams."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            f"{PREFIX}_calls", "Calls of the hook that starts an engine.", ["upstream"], registry=registry
        )
        self.failures = Counter(
            f"{PREFIX}_failures", "Calls that were not answered, or not with 2xx.", ["upstream"], registry=registry
        )
