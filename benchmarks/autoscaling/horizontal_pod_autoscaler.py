"""Kubernetes' HorizontalPodAutoscaler, with external metrics per pod and a `behavior`.

After pkg/controller/podautoscaler/horizontal.go and replica_calculator.go of Kubernetes 1.34.1 (read 2026-11-25; the
algorithm in words: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale). Readiness of pods plays no part:
a metric of type `AverageValue` is divided by the target alone (GetExternalPerPodMetricReplicas).
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SYNC_SECONDS = 15
"""`--horizontal-pod-autoscaler-sync-period` of kube-controller-manager."""
TOLERANCE = 0.1
"""`--horizontal-pod-autoscaler-tolerance`, where `behavior.*.tolerance` is not heeded."""


class _Recommendation(NamedTuple):
    at: float
    replicas: int


class _Change(NamedTuple):
    at: float
    pods: int


class HorizontalPodAutoscaler:
    """One of them, from its beginning on. Times are seconds of any clock that goes forward."""

    def __init__(
        self,
        *,
        min_replicas: int,
        max_replicas: int,
        targets: Mapping[str, float],
        behavior: Mapping[str, Any],
        heeds_tolerance: bool,
    ) -> None:
        """`heeds_tolerance`: the feature gate HPAConfigurableTolerance, on by default from Kubernetes 1.35."""
        self._min, self._max, self._targets = min_replicas, max_replicas, targets
        self._up, self._down = behavior["scaleUp"], behavior["scaleDown"]
        self._tolerance_up = float(self._up["tolerance"]) if heeds_tolerance else TOLERANCE
        self._tolerance_down = float(self._down["tolerance"]) if heeds_tolerance else TOLERANCE
        self._recommendations: list[_Recommendation] = []
        self._added: list[_Change] = []
        self._removed: list[_Change] = []

    def sync(self, now: float, current: int, metrics: Mapping[str, float | None]) -> int:
        """How many replicas there are to be. A metric that could not be had is None."""
        if not self._recommendations:
            self._recommendations.append(_Recommendation(now, current))
        wanted = self._wanted(now, current, metrics)
        if wanted > current:
            self._added.append(_Change(now, wanted - current))
        elif wanted < current:
            self._removed.append(_Change(now, current - wanted))
        return wanted

    def _wanted(self, now: float, current: int, metrics: Mapping[str, float | None]) -> int:
        if current == 0:  # it is switched off: somebody else has to make the first one
            return 0
        if not self._min <= current <= self._max:
            return max(self._min, min(current, self._max))
        proposed = self._proposal(current, metrics)
        if proposed is None:
            return current
        return self._within_rate(now, current, self._stabilized(now, current, proposed))

    def _proposal(self, current: int, metrics: Mapping[str, float | None]) -> int | None:
        """The highest of all metrics. None: too little is known to say less than there is."""
        known = {name: value for name, value in metrics.items() if value is not None}
        if not known:
            return None
        proposed = max(self._proposal_of(current, value, self._targets[name]) for name, value in known.items())
        return None if len(known) < len(metrics) and proposed < current else proposed

    def _proposal_of(self, current: int, value: float, target: float) -> int:
        ratio = value / (target * current)
        if 1 - self._tolerance_down <= ratio <= 1 + self._tolerance_up:
            return current
        return math.ceil(value / target)

    def _stabilized(self, now: float, current: int, proposed: int) -> int:
        """No higher than the least of the last seconds when going up, no lower than the most when going down."""
        windows = (self._up["stabilizationWindowSeconds"], self._down["stabilizationWindowSeconds"])
        recent = [[part.replicas for part in self._recommendations if part.at > now - window] for window in windows]
        least, most = min([proposed, *recent[0]]), max([proposed, *recent[1]])
        kept = [part for part in self._recommendations if part.at > now - max(windows)]
        self._recommendations = [*kept, _Recommendation(now, proposed)]
        return min(max(current, least), most)

    def _within_rate(self, now: float, current: int, wanted: int) -> int:
        if wanted > current:
            limit = max(self._limit(now, current, self._up, sign=1), current)
            return min(wanted, limit, self._max)
        if wanted < current:
            limit = min(self._limit(now, current, self._down, sign=-1), current)
            return max(wanted, limit, self._min)
        return current

    def _limit(self, now: float, current: int, rules: Mapping[str, Any], *, sign: int) -> int:
        limits = [self._limit_of(now, current, policy, sign) for policy in rules["policies"]]
        match rules.get("selectPolicy", "Max"):
            case "Disabled":
                return current
            case "Max":
                return max(limits) if sign > 0 else min(limits)
            case _:
                return min(limits) if sign > 0 else max(limits)

    def _limit_of(self, now: float, current: int, policy: Mapping[str, Any], sign: int) -> int:
        since = now - policy["periodSeconds"]
        before = current - _pods(self._added, since) + _pods(self._removed, since)
        if policy["type"] == "Pods":
            return before + sign * policy["value"]
        limit = before * (1 + sign * policy["value"] / 100)
        return math.ceil(limit) if sign > 0 else int(limit)


def _pods(changes: Iterable[_Change], since: float) -> int:
    return sum(change.pods for change in changes if change.at > since)
