"""The days that are simulated, and what has to be true of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.autoscaling.arrivals import Arrivals, bursts, diurnal, office_hours, steady
from benchmarks.autoscaling.day import Day, Setting, simulate
from benchmarks.autoscaling.engine_profile import EngineProfile, engine_profile
from benchmarks.autoscaling.judgement import Verdict, judge
from tests.model_facts import LLAMA_8B, PHI_4_MINI

RECOVERY_SECONDS = 1000
"""After a jump of the load the service level may be missed for so long: an engine takes up to 850 s to start, KEDA and
Kubernetes a minute before it, and what has been waiting is done after it."""
_HOUR = 3600
_BURST_EVERY, _BURST = 4 * _HOUR, _HOUR
_MORNING = 8
_P99_SECONDS = {"L4": 90, "A10": 45}
"""What a user of that GPU could promise: the longest request takes 62 and 38 s with a full batch."""


@dataclass(frozen=True)
class Scenario:
    """One kind of day. Loads are in engines: 1 is the most that one of them can do."""

    name: str
    gpu: str
    arrivals: Callable[[float], Arrivals]
    """From the requests per second of one engine."""
    seeds: Sequence[int] = (1, 2)
    min_replicas: int = 1
    jumps: Sequence[float] = (0,)
    """When the load jumps above what is there."""

    def run(self, *, heeds_tolerance: bool) -> Verdict:
        """Over all seeds."""
        profile = profile_of(self.gpu)
        setting = Setting(profile, self.min_replicas, 8, _P99_SECONDS[self.gpu], heeds_tolerance)
        arrivals = self.arrivals(profile.requests_per_second)
        days: list[Day] = [simulate(setting, arrivals, seed) for seed in self.seeds]
        return judge(days, setting.p99_request_seconds, self._is_excused)

    def _is_excused(self, at: float) -> bool:
        return any(jump <= at < jump + RECOVERY_SECONDS for jump in self.jumps)


@cache
def profile_of(gpu: str) -> EngineProfile:
    if gpu == "L4":
        return engine_profile("Meta-Llama-3-8B-Instruct", gpu, LLAMA_8B, memory_of="L4")
    return engine_profile("Phi-4-mini-instruct", gpu, PHI_4_MINI, memory_of="A10G")


def _steady(gpu: str, engines: float, *, hours: int = 6, seeds: Sequence[int] = (1, 2)) -> Scenario:
    return Scenario(
        f"steady, {engines:g} engines", gpu, lambda each: steady(engines * each, hours * _HOUR), seeds=seeds
    )


def _bursts(gpu: str, engines: float, burst: float, *, hours: int, seeds: Sequence[int] = (1, 2)) -> Scenario:
    return Scenario(
        f"{engines:g} engines, {burst:g} for an hour",
        gpu,
        lambda each: bursts(
            engines * each,
            burst * each,
            every_seconds=_BURST_EVERY,
            burst_seconds=_BURST,
            seconds=hours * _HOUR,
        ),
        seeds=seeds,
        jumps=range(_BURST_EVERY // 2, hours * _HOUR, _BURST_EVERY),
    )


STEADY = (
    _steady("L4", 0.5),
    _steady("L4", 0.95),
    _steady("L4", 1.3),
    _steady("L4", 2.5),
    _steady("A10", 0.95),
    _steady("A10", 1.3, seeds=(1,)),
)
CHANGING = (
    Scenario("a day, 0.3 to 3 engines", "L4", lambda each: diurnal(0.3 * each, 3 * each), jumps=()),
    _bursts("L4", 0.6, 3, hours=12),
    _bursts("A10", 0.6, 2, hours=6, seeds=(1,)),
)
FROM_ZERO = (
    Scenario(
        "from zero, 0.2 engines from 8 to 18 o'clock",
        "L4",
        lambda each: office_hours(0.2 * each, _MORNING, 18),
        min_replicas=0,
        jumps=(_MORNING * _HOUR,),
    ),
    Scenario(
        "from zero, a request every half an hour",
        "L4",
        lambda _: steady(1 / 1800, 24 * _HOUR),
        min_replicas=0,
        jumps=(),
    ),
)
SCENARIOS = (*STEADY, *CHANGING, *FROM_ZERO)
