"""The same measurements by vLLM's names, for dashboards and scalers that know no others.

Made of what is counted anyway, when Prometheus asks. The label `engine` is `gateway`, so that a sum over the engines'
own series (`engine="0"`) does not count everything twice. Left out is what a gateway cannot know: how many requests an
engine computes or has in its queue (num_requests_running, num_requests_waiting, request_queue_time_seconds), the gap
before each single token (inter_token_latency_seconds), why an answer stopped (request_success), and all about KV
caches. Read 2026-11-23: vllm/v1/metrics/loggers.py.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage_serving.gateway.telemetry import conventions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

PREFIX = "vllm:"
ENGINE = "gateway"
HISTOGRAMS = {
    conventions.FIRST_TOKEN: "vllm:time_to_first_token_seconds",
    conventions.PER_TOKEN: "vllm:request_time_per_output_token_seconds",
    conventions.DURATION: "vllm:e2e_request_latency_seconds",
}
COUNTERS = {"prompt": "vllm:prompt_tokens", "completion": "vllm:generation_tokens"}
CREATED = "_created"  # when a series began: not a count
TOKENS = "moorage_gateway_tokens"


class VllmNames(Collector):
    """Reads a registry in which it is not itself: register it in the one around."""

    def __init__(self, source: CollectorRegistry) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        for family in self._source.collect():
            if family.name in HISTOGRAMS:
                yield _histogram(family, HISTOGRAMS[family.name])
            elif family.name == TOKENS:
                yield from _token_counters(family)


def _histogram(family: Metric, name: str) -> Metric:
    """One series for each model; of durations only those of complete answers, as vLLM's."""
    sums: defaultdict[tuple[str, str, str | None], float] = defaultdict(float)
    for sample in family.samples:
        if not sample.labels.get("error_type") and not sample.name.endswith(CREATED):
            suffix = sample.name.removeprefix(family.name)
            sums[suffix, sample.labels["gen_ai_request_model"], sample.labels.get("le")] += sample.value
    renamed = Metric(name, family.documentation, "histogram")
    for (suffix, model, bound), value in sums.items():
        labels = {"model_name": model, "engine": ENGINE}
        renamed.add_sample(name + suffix, labels if bound is None else {**labels, "le": bound}, value)
    return renamed


def _token_counters(family: Metric) -> Iterable[Metric]:
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for sample in family.samples:
        if sample.name.endswith(CREATED):
            continue
        sums[sample.labels["kind"], sample.labels["model"]] += sample.value
    for kind, name in COUNTERS.items():
        counter = CounterMetricFamily(name, family.documentation, labels=["model_name", "engine"])
        for (of_kind, model), value in sums.items():
            if of_kind == kind:
                counter.add_metric([model, ENGINE], value)
        yield counter
