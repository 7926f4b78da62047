"""What gateways tell CloudWatch of themselves, by its names: what alarms, dashboards and autoscaling stand on.

Each gateway process writes them as lines of its log, in CloudWatch's embedded metric format, where its document has
`cloudwatch_metrics`. `moorage_serving.gateway.telemetry.cloudwatch_metrics` has the same names.
"""

from typing import NamedTuple

NAMESPACE = "Moorage"
STACK_DIMENSION = "Stack"
UPSTREAM_DIMENSION = "Upstream"
OF_STACK = (STACK_DIMENSION,)
OF_UPSTREAM = (STACK_DIMENSION, UPSTREAM_DIMENSION)

LOAD_INTERVAL_SECONDS = 10
"""Load is told so often, in high resolution, because scaling waits for it. All lines are about 0.2 GB a month for each
gateway process with one upstream, or 0.10 USD, of which load is three quarters; a metric costs the same in either
resolution, 0.30 USD a month (aws.amazon.com/cloudwatch/pricing, N. Virginia, read 2026-11-25)."""
REQUESTS_INTERVAL_SECONDS = 60
"""Requests are told so often: no alarm on them looks at less than a minute."""


class GatewayMetric(NamedTuple):
    """One metric of the namespace."""

    name: str
    unit: str
    """As CloudWatch has it."""
    dimensions: tuple[str, ...]
    statistic: str
    """Which makes the stack's value out of those of its gateways, over a period of `interval_seconds`."""
    interval_seconds: int
    """How often each gateway process tells it."""

    def samples(self, period_seconds: int) -> int:
        """How many values of each process are in a period: a `Sum` of load has to be divided by it, 6 for a minute."""
        return period_seconds // self.interval_seconds


REQUESTS = GatewayMetric("Requests", "Count", OF_STACK, "Sum", REQUESTS_INTERVAL_SECONDS)
"""That have ended, however; zero, not absent, without any."""
ERRORS = GatewayMetric("Errors", "Count", OF_STACK, "Sum", REQUESTS_INTERVAL_SECONDS)
"""Those that were answered 5xx, and streams that broke off."""
THROTTLES = GatewayMetric("Throttles", "Count", OF_STACK, "Sum", REQUESTS_INTERVAL_SECONDS)
"""Those that were answered 429."""
REQUEST_SECONDS = GatewayMetric("RequestSeconds", "Seconds", OF_STACK, "p99", REQUESTS_INTERVAL_SECONDS)
"""From a request's arrival to the end of its answer; a distribution, absent without requests."""
TIME_TO_FIRST_TOKEN_SECONDS = GatewayMetric(
    "TimeToFirstTokenSeconds", "Seconds", OF_STACK, "p99", REQUESTS_INTERVAL_SECONDS
)
"""Of streams, from the request's arrival to the first bytes of the answer; a distribution, absent without streams."""
DEMAND_REQUESTS = GatewayMetric("DemandRequests", "Count", OF_STACK, "Sum", LOAD_INTERVAL_SECONDS)
"""In service and waiting: what engines are needed for; zero, not absent, without requests."""
REDIS_AVAILABLE = GatewayMetric("RedisAvailable", "Count", OF_STACK, "Minimum", LOAD_INTERVAL_SECONDS)
"""1 while a gateway's Redis or Valkey answers, 0 while it does not; absent for gateways that have none."""
AVAILABLE_ENDPOINTS = GatewayMetric("AvailableEndpoints", "Count", OF_UPSTREAM, "Average", LOAD_INTERVAL_SECONDS)
"""Of an upstream, that get requests. Each gateway sees all of them."""
ENGINE_RUNNING_REQUESTS = GatewayMetric("EngineRunningRequests", "Count", OF_UPSTREAM, "Average", LOAD_INTERVAL_SECONDS)
"""That an upstream's engines compute, as vLLM tells each gateway; absent for engines that tell nothing."""
ENGINE_WAITING_REQUESTS = GatewayMetric("EngineWaitingRequests", "Count", OF_UPSTREAM, "Average", LOAD_INTERVAL_SECONDS)
"""That wait in an upstream's engines, as vLLM tells each gateway; absent for engines that tell nothing."""

GATEWAY_METRICS = (
    *(REQUESTS, ERRORS, THROTTLES, REQUEST_SECONDS, TIME_TO_FIRST_TOKEN_SECONDS, DEMAND_REQUESTS),
    *(REDIS_AVAILABLE, AVAILABLE_ENDPOINTS, ENGINE_RUNNING_REQUESTS, ENGINE_WAITING_REQUESTS),
)
