"""KEDA: starts the first replica, stops the last, and tells the HorizontalPodAutoscaler what Prometheus says.

After pkg/scaling/executor/scale_scaledobjects.go, pkg/scaling/scale_handler.go and pkg/fallback/fallback.go of KEDA
2.21.0 (read 2026-11-25). Every number comes from the ScaledObject.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.autoscaling.horizontal_pod_autoscaler import HorizontalPodAutoscaler

Ask = Callable[[str], float | None]
"""The one value of an instant query. None: no value, or nobody answers."""
_LEAST_WITH_HPA = 1
"""What KEDA gives its HorizontalPodAutoscaler as minimum where the ScaledObject's own is 0."""


@dataclass
class _Trigger:
    query: str
    threshold: float
    activation_threshold: float
    null_is_zero: bool
    failures: int = 0


class Keda:
    """One ScaledObject, looked after."""

    def __init__(self, scaled_object: Mapping[str, Any], ask: Ask, *, heeds_tolerance: bool) -> None:
        """Takes the `spec`. Raises `ValueError` for a trigger that is not of Prometheus."""
        self._spec, self._ask = scaled_object, ask
        self._triggers = {trigger["name"]: _trigger(trigger) for trigger in scaled_object["triggers"]}
        self._last_active: float | None = None
        self.polling_seconds: int = scaled_object["pollingInterval"]
        self._hpa = HorizontalPodAutoscaler(
            min_replicas=max(scaled_object["minReplicaCount"], _LEAST_WITH_HPA),
            max_replicas=scaled_object["maxReplicaCount"],
            targets={name: trigger.threshold for name, trigger in self._triggers.items()},
            behavior=scaled_object["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
            heeds_tolerance=heeds_tolerance,
        )

    def poll(self, now: float, replicas: int) -> int:
        """What the operator does every `polling_seconds`."""
        values = {name: self._observe(trigger, replicas) for name, trigger in self._triggers.items()}
        is_active = any(
            value is not None and (fell_back or value > self._triggers[name].activation_threshold)
            for name, (value, fell_back) in values.items()
        )
        is_error = any(value is None for value, _ in values.values())
        if is_active:
            return self._when_active(now, replicas, is_error=is_error)
        return self._when_idle(now, replicas, is_error=is_error)

    def sync(self, now: float, replicas: int) -> int:
        """What the HorizontalPodAutoscaler does in its own interval; it asks KEDA, which asks Prometheus anew."""
        values = {name: self._observe(trigger, replicas)[0] for name, trigger in self._triggers.items()}
        return self._hpa.sync(now, replicas, values)

    def _when_active(self, now: float, replicas: int, *, is_error: bool) -> int:
        if replicas == 0:
            self._last_active = now
            return max(self._spec["minReplicaCount"], 1)
        if not is_error:
            self._last_active = now
        return replicas

    def _when_idle(self, now: float, replicas: int, *, is_error: bool) -> int:
        least = self._spec["minReplicaCount"]
        if is_error:
            return replicas
        if replicas > 0 and least == 0:
            is_cold = self._last_active is None or self._last_active + self._spec["cooldownPeriod"] < now
            return 0 if is_cold else replicas
        return max(replicas, least)

    def _observe(self, trigger: _Trigger, replicas: int) -> tuple[float | None, bool]:
        """The metric, and whether it is the fallback's; None where there is none yet."""
        value = self._ask(trigger.query)
        if value is None and trigger.null_is_zero:
            value = 0.0
        if value is not None:
            trigger.failures = 0
            return int(value * 1000) / 1000, False
        trigger.failures += 1
        fallback = self._spec["fallback"]
        if trigger.failures <= fallback["failureThreshold"]:
            return None, False
        if fallback["behavior"] != "currentReplicasIfHigher":
            raise ValueError(f"fallback.behavior = {fallback['behavior']}: must be currentReplicasIfHigher")
        return trigger.threshold * max(replicas, fallback["replicas"]), True


def _trigger(trigger: Mapping[str, Any]) -> _Trigger:
    if (trigger["type"], trigger["metricType"]) != ("prometheus", "AverageValue"):
        raise ValueError(f"trigger {trigger['name']}: must be of type prometheus with metricType AverageValue")
    metadata = trigger["metadata"]
    return _Trigger(
        query=metadata["query"],
        threshold=float(metadata["threshold"]),
        activation_threshold=float(metadata["activationThreshold"]),
        null_is_zero=metadata["ignoreNullValues"] == "true",
    )
