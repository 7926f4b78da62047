"""The queues of all models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.admission.queue import AdmissionQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from moorage_serving.gateway.config.serving import AdmissionConfig


class AdmissionQueues:
    """One queue per model, kept over reloads: what is in service then still takes its places."""

    def __init__(self) -> None:
        self._queues: dict[str, AdmissionQueue] = {}

    def configure(self, config: AdmissionConfig, limits: Mapping[str, Callable[[], int | None]]) -> None:
        """Have a queue for each model of `limits`, and no other.

        Requests that wait for a model which is gone wait on where they are, and `leave` there.
        """
        before, self._queues = self._queues, {}
        for model, limit in limits.items():
            queue = before.get(model)
            if queue is None:
                queue = AdmissionQueue(limit, max_queue_length=config.max_queue_length)
            queue.limit, queue.max_queue_length = limit, config.max_queue_length
            self._queues[model] = queue
            queue.limit_changed()

    def __getitem__(self, model: str) -> AdmissionQueue:
        return self._queues[model]

    def __iter__(self) -> Iterator[tuple[str, AdmissionQueue]]:
        return iter(self._queues.items())

    def limits_changed(self) -> None:
        """An engine has come or gone, or has more or less to do for others."""
        for queue in self._queues.values():
            queue.limit_changed()
