"""The engines' pods and nodes: how long each takes to come, and what it does when it goes."""

import random
from dataclasses import dataclass

from benchmarks.autoscaling.engine import Engine, Request
from benchmarks.autoscaling.engine_profile import EngineProfile

from moorage.engine import DrainBudget
from moorage.engine.budgets import GP3_MEGABYTES_PER_SECOND

NODE_SECONDS = (120, 300)
IMAGE_SECONDS = 300
ENGINE_SECONDS = 120
"""Assumed: a node takes 2 to 5 minutes, the image 5, the runtime 2 (kserve/kserve#5062 on GitHub, read 2026-08-21)."""
NODE_KEPT_SECONDS = 300
"""An empty node waits so long for the next pod, with the image on it (`consolidateAfter` of `EksGpuPool`)."""


@dataclass(eq=False, slots=True)
class Pod:
    """One engine, from the moment when it is asked for."""

    ready_at: float
    engine: Engine | None = None
    killed_at: float | None = None
    """Set when it is told to go."""


class Fleet:
    """A Deployment of engines, one per node."""

    def __init__(self, profile: EngineProfile, drain: DrainBudget, chance: random.Random) -> None:
        self._profile, self._drain, self._chance = profile, drain, chance
        self._pods: list[Pod] = []
        self._leaving: list[Pod] = []
        self._nodes_free_until: list[float] = []
        self.replicas = 0
        self.pod_seconds = 0
        self.ready: list[Engine] = []
        """Those that get new requests."""
        self.scraped: list[Engine] = []
        """Those that export metrics: until they are gone."""

    def scale(self, now: float, replicas: int) -> None:
        """New pods are asked for; those that have not started go first, then the youngest."""
        self.replicas = replicas
        while len(self._pods) < replicas:
            self._pods.append(Pod(now + self._start_seconds(now)))
        if len(self._pods) > replicas:
            self._pods.sort(key=lambda pod: (pod.engine is None, pod.ready_at))
            for pod in self._pods[replicas:]:
                pod.killed_at = now + self._drain.grace_seconds
                self._leaving.append(pod)
            del self._pods[replicas:]
            self._note_engines()

    def warm(self, now: float) -> None:
        """All pods are ready, without having started."""
        for pod in self._pods:
            pod.ready_at, pod.engine = now, Engine(self._profile, now=now)
        self._note_engines()

    def advance(self, now: float) -> tuple[list[tuple[float, Request]], int]:
        """Who is done and when, and how many requests were killed with their engine."""
        self.pod_seconds += len(self._pods) + len(self._leaving)
        done = [ended for engine in self.scraped for ended in engine.advance(now)]
        starting = [pod for pod in self._pods if pod.engine is None and pod.ready_at <= now]
        for pod in starting:
            pod.engine = Engine(self._profile, now=now)
        killed = self._remove_drained(now) if self._leaving else 0
        if starting:
            self._note_engines()
        return done, killed

    def _note_engines(self) -> None:
        self.ready = [pod.engine for pod in self._pods if pod.engine is not None]
        self.scraped = self.ready + [pod.engine for pod in self._leaving if pod.engine is not None]

    def _remove_drained(self, now: float) -> int:
        """How many requests have been killed."""
        killed = 0
        for pod in list(self._leaving):
            load = pod.engine.load if pod.engine else 0
            if load and pod.killed_at is not None and now < pod.killed_at:
                continue
            killed += load
            self._leaving.remove(pod)
            if pod.engine is not None:
                self._nodes_free_until.append(now + NODE_KEPT_SECONDS)
        self._note_engines()
        return killed

    def _start_seconds(self, now: float) -> float:
        weights = self._profile.facts.weight_bytes / 1e6 / GP3_MEGABYTES_PER_SECOND
        self._nodes_free_until = [until for until in self._nodes_free_until if until > now]
        if self._nodes_free_until:
            self._nodes_free_until.pop()
            return weights + ENGINE_SECONDS
        return self._chance.uniform(*NODE_SECONDS) + IMAGE_SECONDS + weights + ENGINE_SECONDS
