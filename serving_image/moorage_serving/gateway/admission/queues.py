"""The queues of all models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.admission.queue import AdmissionQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from moorage_serving.gateway.config.serving import AdmissionConfig


class AdmissionQueues:
    """One queue per model, kept over reloads: what is in service then still takes its places.

    Iterating gives the configured models. The queue of a model that a reload has taken away is still there for the
    requests that began before it.
    """

    def __init__(self) -> None:
        self._queues: dict[str, AdmissionQueue] = {}
        self._configured: list[str] = []

    def configure(self, config: AdmissionConfig, limits: Mapping[str, Callable[[], int | None]]) -> None:
        """Have a queue for each model of `limits`. Those that are there already take the new limits at once."""
        self._configured = list(limits)
        for model, limit in limits.items():
            queue = self._queues.get(model)
            if queue is None:
                queue = self._queues[model] = AdmissionQueue(limit, max_queue_length=config.max_queue_length)
            queue.limit, queue.max_queue_length = limit, config.max_queue_length
            queue.limit_changed()

    def __getitem__(self, model: str) -> AdmissionQueue:
        return self._queues[model]

    def __iter__(self) -> Iterator[tuple[str, AdmissionQueue]]:
        return ((model, self._queues[model]) for model in self._configured)

    def limits_changed(self) -> None:
        """An engine has come or gone, or has more or less to do for others."""
        for queue in self._queues.values():
            queue.limit_changed()
