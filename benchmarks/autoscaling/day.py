"""The whole loop: requests, gateway, engines, Prometheus, KEDA, the HorizontalPodAutoscaler, pods and nodes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.autoscaling.arrivals import Arrivals
from benchmarks.autoscaling.engine import Engine, Request
from benchmarks.autoscaling.engine_profile import EngineProfile
from benchmarks.autoscaling.fleet import Fleet
from benchmarks.autoscaling.gateway import Gateway
from benchmarks.autoscaling.horizontal_pod_autoscaler import SYNC_SECONDS
from benchmarks.autoscaling.keda import Keda
from benchmarks.autoscaling.prometheus import Prometheus

from moorage.engine import drain_budget
from moorage.kubernetes.autoscaler_objects import scaled_object
from moorage.kubernetes.autoscaler_spec import AutoscalerSpec
from moorage.kubernetes.monitoring_objects import pod_monitors
from moorage.kubernetes.vllm_spec import NODE_SECONDS, PROPAGATION_SECONDS, startup_seconds_of
from moorage_serving.gateway.config.serving import AdmissionConfig

MODEL, NAMESPACE = "harbour", "models"
_ENGINE = f'{{namespace="{NAMESPACE}",model_name="{MODEL}"}}'
_GATEWAY = f'{{namespace="{NAMESPACE}",model="{MODEL}"}}'


@dataclass(frozen=True)
class Setting:
    """What is served how."""

    profile: EngineProfile
    min_replicas: int
    max_replicas: int
    p99_request_seconds: float
    heeds_tolerance: bool = True


@dataclass
class Day:
    """What became of it."""

    seconds: int
    scalings: list[tuple[float, int]] = field(default_factory=list)
    """When the number of replicas became what; the first is what it began with."""
    answers: list[tuple[float, float]] = field(default_factory=list)
    """When each request came and how long it took."""
    refusals: list[float] = field(default_factory=list)
    """When those came that got no answer."""
    pod_seconds: int = 0


def simulate(setting: Setting, arrivals: Arrivals, seed: int) -> Day:
    """A day, or as long as `arrivals` go on, second by second; it begins with the least number of replicas, ready."""
    chance = random.Random(seed)  # noqa: S311
    return _Loop(setting, chance).run(arrivals)


class _Loop:
    def __init__(self, setting: Setting, chance: random.Random) -> None:
        self._setting, self._chance = setting, chance
        profile = setting.profile
        drain = drain_budget(setting.p99_request_seconds, PROPAGATION_SECONDS)
        self._fleet = Fleet(profile, drain, chance)
        self._gateway = Gateway(_admission(setting), profile.max_num_seqs)
        self._prometheus = Prometheus()
        self._keda = Keda(_scaled_object(setting), self._prometheus.ask, heeds_tolerance=setting.heeds_tolerance)
        self._scrape_seconds = {
            component: int(monitor["podMetricsEndpoints"][0]["interval"].removesuffix("s"))
            for component, monitor in pod_monitors().items()
        }

    def run(self, arrivals: Arrivals) -> Day:
        day = Day(arrivals.seconds)
        self._scale(0, self._setting.min_replicas, day)
        self._fleet.warm(0)
        times = arrivals.times(self._chance)
        upcoming = next(times, None)
        for now in range(arrivals.seconds):
            self._compute(now, day)
            while upcoming is not None and upcoming <= now:
                self._arrive(now, upcoming, day)
                upcoming = next(times, None)
            self._observe(now)
            self._control(now, day)
        day.pod_seconds = self._fleet.pod_seconds
        return day

    def _compute(self, now: int, day: Day) -> None:
        done, killed = self._fleet.advance(now)
        for ended_at, request in done:
            self._gateway.leave(ended_at)
            day.answers.append((request.arrived_at, ended_at - request.arrived_at))
        for _ in range(killed):
            self._gateway.leave(now)
            day.refusals.append(now)
        day.refusals += [request.arrived_at for request in self._gateway.expired(now)]
        self._gateway.admit(now, self._fleet.ready)

    def _arrive(self, now: int, at: float, day: Day) -> None:
        mean = self._setting.profile.mean_output_tokens
        request = Request(at, int(mean * (0.5 + self._chance.random())))
        if not self._gateway.offer(now, request, self._fleet.ready):
            day.refusals.append(at)

    def _observe(self, now: int) -> None:
        if now % self._scrape_seconds["gateway"] == 0:
            demand = {f"moorage_gateway_demand_requests{_GATEWAY}": float(self._gateway.demand)}
            self._prometheus.scrape("gateway", demand)
        if now % self._scrape_seconds["engine"] == 0:
            self._prometheus.scrape("engines", _engine_samples(self._fleet.scraped))

    def _control(self, now: int, day: Day) -> None:
        if now % self._keda.polling_seconds == 0:
            self._scale(now, self._keda.poll(now, self._fleet.replicas), day)
        if now % SYNC_SECONDS == 0:
            self._scale(now, self._keda.sync(now, self._fleet.replicas), day)

    def _scale(self, now: int, replicas: int, day: Day) -> None:
        if replicas != self._fleet.replicas or not day.scalings:
            day.scalings.append((now, replicas))
            self._fleet.scale(now, replicas)


def _engine_samples(engines: list[Engine]) -> dict[str, float]:
    """Summed over engines, as every query does first."""
    if not engines:
        return {}
    return {
        f"vllm:num_requests_waiting{_ENGINE}": sum(engine.waiting for engine in engines),
        f"vllm:num_requests_running{_ENGINE}": sum(engine.running for engine in engines),
        f"vllm:kv_cache_usage_perc{_ENGINE}": sum(engine.kv_cache_usage for engine in engines),
    }


def _admission(setting: Setting) -> AdmissionConfig:
    """As the program gives it: where engines come from zero, requests wait as long as one may take to start."""
    if setting.min_replicas:
        return AdmissionConfig()
    patience = NODE_SECONDS + startup_seconds_of(setting.profile.facts)
    return AdmissionConfig(deadline_seconds=patience, max_deadline_seconds=patience)


def _scaled_object(setting: Setting) -> Mapping[str, Any]:
    spec = AutoscalerSpec(
        model=MODEL,
        max_num_seqs=setting.profile.max_num_seqs,
        has_gateway=True,
        min_replicas=setting.min_replicas,
        max_replicas=setting.max_replicas,
    )
    target = {"api_version": "apps/v1", "kind": "Deployment", "name": "engine"}
    return scaled_object(
        spec, target, namespace=NAMESPACE, gateway_namespace=NAMESPACE, prometheus_url="http://prometheus:9090"
    )
