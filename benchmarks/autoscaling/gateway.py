"""The gateway's queue before the engines, with the real limits, deadlines and prediction of `moorage_serving`."""

from collections import deque
from collections.abc import Iterator, Sequence
from operator import attrgetter

from benchmarks.autoscaling.engine import Engine, Request

from moorage_serving.gateway.admission.service_time import ServiceTime, predicted_wait_seconds
from moorage_serving.gateway.config.serving import AdmissionConfig


class Gateway:
    """One process with one tenant. Each request goes to the engine that has the least to do."""

    def __init__(self, admission: AdmissionConfig, max_concurrent_requests: int) -> None:
        self._admission, self._per_engine = admission, max_concurrent_requests
        self._queue: deque[Request] = deque()
        self._service_time = ServiceTime()
        self.in_service = 0

    @property
    def demand(self) -> int:
        """`moorage_gateway_demand_requests`."""
        return self.in_service + len(self._queue)

    def offer(self, now: float, request: Request, engines: Sequence[Engine]) -> bool:
        """Whether it may wait, or goes to an engine."""
        limit = self._per_engine * len(engines)
        if limit and self._cannot_be_in_time(limit):
            return False
        self._queue.append(request)
        self.admit(now, engines)
        if len(self._queue) > self._admission.max_queue_length:
            self._queue.pop()
            return False
        return True

    def admit(self, now: float, engines: Sequence[Engine]) -> None:
        """Whoever has a place goes to an engine."""
        while self._queue and self.in_service < self._per_engine * len(engines):
            request = self._queue.popleft()
            request.admitted_at = now
            self.in_service += 1
            self._service_time.arrived(now)
            min(engines, key=attrgetter("load")).submit(request)

    def leave(self, at: float) -> None:
        """A request that was in an engine has ended."""
        self.in_service -= 1
        self._service_time.departed(at)

    def expired(self, now: float) -> Iterator[Request]:
        """Those whose deadline has passed; they are away then."""
        while self._queue and self._queue[0].arrived_at + self._admission.deadline_seconds < now:
            yield self._queue.popleft()

    def _cannot_be_in_time(self, limit: int) -> bool:
        if not self._queue and self.in_service < limit:
            return False
        mean_seconds = self._service_time.mean_seconds
        if mean_seconds is None:
            return False
        predicted = predicted_wait_seconds(len(self._queue), self.in_service, limit, mean_seconds)
        return predicted > self._admission.deadline_seconds
