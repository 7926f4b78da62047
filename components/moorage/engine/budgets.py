"""Time budgets: until an engine answers, until a dead one is restarted, and until a stopped one is done."""

import math
from dataclasses import dataclass

GPU_COMPILE_SECONDS = 180
"""Assumed, generously: compiling and capturing CUDA graphs without a warm cache."""
GP3_MEGABYTES_PER_SECOND = 125
"""Baseline throughput of an EBS gp3 volume (docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html)."""

_STARTUP_MARGIN = 1.5
_STARTUP_FLOOR_SECONDS = 10 * 60
_STARTUP_CAP_SECONDS = 60 * 60
_STARTUP_PERIOD_SECONDS = 5

_TEARDOWN_SECONDS = 15


@dataclass(frozen=True)
class Probe:
    """Asked every `period_seconds`; failed after `failure_threshold` failures in a row."""

    period_seconds: int
    failure_threshold: int


LIVENESS = Probe(period_seconds=10, failure_threshold=6)
"""A restart loads the whole model again, so one slow answer must not cause it
(github.com/llm-d/llm-d-router, config/manifests/vllm/gpu-deployment.yaml reasons the same way; read 2026-08-22)."""

READINESS = Probe(period_seconds=3, failure_threshold=2)
"""The balancer stops sending within 6 seconds
(github.com/llm-d/llm-d, docs/operations/readiness-probes.md asks as often; read 2026-06-27)."""


def startup_budget(
    weight_bytes: int, *, compile_seconds: float, read_megabytes_per_second: float = GP3_MEGABYTES_PER_SECOND
) -> int:
    """Seconds until a starting engine must answer: reading the weights and compiling, and half of that again.

    At least 10 minutes, because importing torch and pulling caches take minutes on a cold machine, and at most 60.  Ten
    is what KServe and llm-d's router allow, 60 what llm-d's guides do (github.com/kserve/kserve
    config/llmisvcconfig/config-llm-template.yaml, github.com/llm-d/llm-d guides/optimized-baseline; read 2026-08-21).
    """
    loading_seconds = weight_bytes / 1e6 / read_megabytes_per_second
    needed = math.ceil((loading_seconds + compile_seconds) * _STARTUP_MARGIN)
    return min(max(needed, _STARTUP_FLOOR_SECONDS), _STARTUP_CAP_SECONDS)


def startup_probe(budget_seconds: int) -> Probe:
    """Asks every 5 seconds, for the whole budget."""
    return Probe(_STARTUP_PERIOD_SECONDS, math.ceil(budget_seconds / _STARTUP_PERIOD_SECONDS))


@dataclass(frozen=True)
class DrainBudget:
    """What happens when an engine is stopped, in seconds; they follow each other within `grace_seconds`."""

    pre_stop_seconds: int
    """It still takes new requests, because the load balancer does not know yet."""
    shutdown_timeout_seconds: int
    """It finishes the running ones: vLLM's `--shutdown-timeout`."""
    grace_seconds: int
    """After this it is killed."""


def drain_budget(p99_request_seconds: float, load_balancer_propagation_seconds: float) -> DrainBudget:
    """How long to wait at each step, so that nearly every request that has begun is answered.

    15 seconds are left for the tear-down, as in llm-d's guide, whose examples 15 + 45 + 15 = 75 and 15 + 90 + 15 = 120
    this reproduces (github.com/llm-d/llm-d, docs/operations/graceful-shutdown.md, read September 2026).  Without
    `--shutdown-timeout` vLLM aborts running requests at once.
    """
    pre_stop = math.ceil(load_balancer_propagation_seconds)
    shutdown_timeout = math.ceil(p99_request_seconds)
    return DrainBudget(pre_stop, shutdown_timeout, pre_stop + shutdown_timeout + _TEARDOWN_SECONDS)


def within_notice(drain: DrainBudget, notice_seconds: int) -> DrainBudget:
    """`drain` itself where its grace is no longer than the notice, else what the notice leaves of it.

    A fifth of the notice for the balancer and an eighth for the tear-down, neither longer than before.  Google's 15
    seconds become 3 + 10 + 2; AWS's 120 cut a long drain to 15 + 90 + 15, the example of llm-d's guide.
    """
    if drain.grace_seconds <= notice_seconds:
        return drain
    pre_stop = min(drain.pre_stop_seconds, notice_seconds // 5)
    teardown = min(_TEARDOWN_SECONDS, math.ceil(notice_seconds / 8))
    return DrainBudget(pre_stop, notice_seconds - pre_stop - teardown, notice_seconds)
