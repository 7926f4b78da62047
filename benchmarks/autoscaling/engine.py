"""An engine that computes its requests together, as vLLM does (continuous batching)."""

import heapq
from collections import deque
from dataclasses import dataclass

from benchmarks.autoscaling.engine_profile import EngineProfile


@dataclass(eq=False, slots=True)
class Request:
    """One of a client's."""

    arrived_at: float
    output_tokens: int
    admitted_at: float = 0.0


_Running = tuple[float, int, Request]
"""With the step at which it ends, by which they are ordered, and a number that no other has."""


class Engine:
    """Each step gives every running request one token, and takes the longer, the more there are.

    A request runs when there is room for it, whole: in `max_num_seqs` and in the KV cache. So it never has to be
    preempted, as vLLM's can be. Its prefill is so many steps of its own; what prefills cost the others is in the
    measured steps.
    """

    def __init__(self, profile: EngineProfile, *, now: float) -> None:
        self._profile, self._now = profile, now
        self._step_seconds = [profile.step_seconds(running) for running in range(profile.max_num_seqs + 1)]
        self._step = 0.0
        self._running: list[_Running] = []
        self._waiting: deque[Request] = deque()
        self._tokens = 0
        self._started = 0
        self.load = 0
        """Requests that run and wait."""

    @property
    def running(self) -> int:
        """`vllm:num_requests_running`."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """`vllm:num_requests_waiting`."""
        return len(self._waiting)

    @property
    def kv_cache_usage(self) -> float:
        """`vllm:kv_cache_usage_perc`, which is a share and no percentage."""
        return self._tokens / self._profile.kv_cache_tokens

    def submit(self, request: Request) -> None:
        self.load += 1
        self._waiting.append(request)
        self._start_waiting()

    def advance(self, now: float) -> list[tuple[float, Request]]:
        """Computes until `now`; who is done, and when."""
        done: list[tuple[float, Request]] = []
        while self._running:
            step_seconds = self._step_seconds[len(self._running)]
            ends_at_step, _, request = self._running[0]
            ends_at = self._now + (ends_at_step - self._step) * step_seconds
            if ends_at > now:
                self._step += (now - self._now) / step_seconds
                break
            heapq.heappop(self._running)
            self._now, self._step = ends_at, ends_at_step
            self.load -= 1
            self._tokens -= self._profile.tokens_of(request.output_tokens)
            done.append((ends_at, request))
            self._start_waiting()
        self._now = now
        return done

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self._profile.max_num_seqs:
            tokens = self._profile.tokens_of(self._waiting[0].output_tokens)
            if self._tokens + tokens > self._profile.kv_cache_tokens:
                return
            request = self._waiting.popleft()
            self._tokens += tokens
            self._started += 1
            ends_at_step = self._step + self._profile.prefill_steps + request.output_tokens
            heapq.heappush(self._running, (ends_at_step, self._started, request))
