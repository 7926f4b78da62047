"""What CloudWatch would make of the gateway's log is what happened, and nothing else of requests is in it."""

from __future__ import annotations

import json
import select
import signal
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from moorage.aws.gateway_metrics import GATEWAY_METRICS, LOAD_INTERVAL_SECONDS, NAMESPACE, REQUESTS_INTERVAL_SECONDS
from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.telemetry import cloudwatch_metrics, conventions
from moorage_serving.gateway.telemetry.cloudwatch_metrics import CloudWatchMetrics
from moorage_serving.gateway.telemetry.embedded_metric_format import distribution
from moorage_serving.gateway.telemetry.load import Load, UpstreamLoad
from moorage_serving.gateway.telemetry.request_metrics import RequestMetrics
from moorage_serving.gateway.telemetry.request_totals import request_totals

from .embedded_metrics import Datum, extract, of, percentile, total
from .processes import KEY, Gateway, chat, document, eventually, sha256, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import RunningEngine

CHAT = "/v1/chat/completions"
STACK = "harbour-test"
LIMITED_KEY = "key-of-a-limited-tenant"
PROMPT = "canary-8f3a-sings"
BOUNDS = conventions.DURATION_BUCKETS_SECONDS
SECONDS = st.floats(0, 600, allow_nan=False)


class Clock:
    """Stands still."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Told:
    """What one process writes that measures what it is given."""

    def __init__(self, now: float = 1_000_000_020.0) -> None:
        registry = CollectorRegistry()
        self.requests = RequestMetrics(registry)
        self.clock = Clock(now)
        self.lines: list[bytes] = []
        self.load = Load(3, True, {"engine": UpstreamLoad(2, 5, 1), "endpoint": UpstreamLoad(1, None, None)})
        self.metrics = CloudWatchMetrics(
            lambda: request_totals(registry.collect()), lambda: self.load, now=self.clock, write=self.lines.append
        )

    def request(self, seconds: float = 1.0, **changed: object) -> None:
        made = RequestRecord(CHAT, b"request-1")
        facts = {"model": "m", "status": 200, "stream": True, "outcome": Outcome.COMPLETED, **changed}
        for name, value in facts.items():
            setattr(made, name, value)
        made.first_byte_at = made.started_at + seconds / 2
        self.requests.count(made, seconds)

    def at(self, now: float) -> list[Datum]:
        """What it writes then."""
        self.clock.now, before = now, len(self.lines)
        self.metrics.tell()
        return extract(self.lines[before:])


@pytest.fixture
async def told() -> Told:
    made = Told()
    made.metrics.configure(STACK)
    return made


# How values are written


def test_both_sides_have_the_same_names() -> None:
    """This image imports nothing of the library."""
    assert cloudwatch_metrics.NAMESPACE == NAMESPACE
    assert cloudwatch_metrics.LOAD_INTERVAL_SECONDS == LOAD_INTERVAL_SECONDS
    assert cloudwatch_metrics.REQUESTS_INTERVAL_SECONDS == REQUESTS_INTERVAL_SECONDS


@pytest.mark.anyio
async def test_every_metric_that_alarms_may_stand_on_is_told_as_it_is_described(told: Told) -> None:
    told.request()
    data = told.at(1_000_000_080)
    described = {
        (metric.name, metric.unit, metric.dimensions, 1 if metric.interval_seconds < 60 else 60)
        for metric in GATEWAY_METRICS
    }
    assert {(datum.name, datum.unit, tuple(datum.dimensions), datum.storage_resolution) for datum in data} == described


@given(st.lists(SECONDS, min_size=1, max_size=300), st.sampled_from([50, 90, 95, 99, 99.9]))
def test_a_percentile_is_off_by_no_more_than_the_bucket_that_it_is_in(seconds: list[float], percent: float) -> None:
    counts = [0] * (len(BOUNDS) + 1)
    for value in seconds:
        counts[bisect_left(BOUNDS, value)] += 1
    told = distribution(BOUNDS, counts, sum(seconds))
    assert len(told["Values"]) <= 100
    line = json.dumps(
        {
            "_aws": {
                "Timestamp": 0,
                "CloudWatchMetrics": [
                    {"Namespace": "Moorage", "Dimensions": [[]], "Metrics": [{"Name": "S", "Unit": "Seconds"}]}
                ],
            },
            "S": told,
        }
    )
    exact = sorted(seconds)[max(0, -(-int(percent * len(seconds)) // 100) - 1)]
    assert bisect_left(BOUNDS, percentile(extract([line]), "S", percent)) == bisect_left(BOUNDS, exact)


@given(st.lists(st.integers(0, 10_000), min_size=len(BOUNDS) + 1, max_size=len(BOUNDS) + 1).filter(any))
def test_no_measurement_is_lost_or_invented(counts: list[int]) -> None:
    told = distribution(BOUNDS, counts, 1.0)
    assert sum(told["Counts"]) == told["Count"] == sum(counts)
    below = 0
    for bound, count in zip(BOUNDS, counts, strict=False):
        below += count
        inside = sum(n for value, n in zip(told["Values"], told["Counts"], strict=True) if value < bound)
        assert inside == below


@pytest.mark.anyio
async def test_the_longest_line_is_written_as_one(told: Told) -> None:
    """Up to 4,096 bytes no other worker writes into it (PIPE_BUF), and up to 16 KiB Docker splits nothing
    (github.com/moby/moby, daemon/logger/copier.go, read 2026-11-25)."""
    told.metrics.configure("s" * 127)
    for bound in (
        *conventions.DURATION_BUCKETS_SECONDS,
        1000.0,
        *(2 * b for b in conventions.FIRST_TOKEN_BUCKETS_SECONDS),
    ):
        for _ in range(100):
            told.request(bound)
    told.at(1_000_000_080)
    assert 2000 < max(map(len, told.lines)) < select.PIPE_BUF


# When they are written


@pytest.mark.anyio
async def test_load_is_told_every_ten_seconds_and_requests_every_minute(told: Told) -> None:
    told.request()
    names = [{datum.name for datum in told.at(1_000_000_020 + second)} for second in range(121)]
    assert [second for second, found in enumerate(names) if "DemandRequests" in found] == [*range(10, 121, 10)]
    assert [second for second, found in enumerate(names) if "Requests" in found] == [60, 120]


@pytest.mark.anyio
async def test_what_is_told_belongs_to_the_interval_before(told: Told) -> None:
    """So that a period that is over is complete, and has one value of each process."""
    data = told.at(1_000_000_080.4)
    (demand,) = of(data, "DemandRequests")
    (requests,) = of(data, "Requests")
    assert (demand.timestamp_seconds, requests.timestamp_seconds) == (1_000_000_070, 1_000_000_020)


@pytest.mark.anyio
async def test_a_minute_without_requests_has_zero_of_them_and_no_times(told: Told) -> None:
    data = told.at(1_000_000_080)
    assert [datum.sum for datum in of(data, "Requests")] == [0]
    assert of(data, "RequestSeconds") == of(data, "TimeToFirstTokenSeconds") == []


@pytest.mark.anyio
async def test_each_request_is_told_once(told: Told) -> None:
    for _ in range(3):
        told.request()
    first = told.at(1_000_000_080)
    told.request(status=429, outcome=Outcome.REJECTED, stream=False)
    second = told.at(1_000_000_140)
    assert [total(data, "Requests") for data in (first, second)] == [3, 1]
    assert [total(data, "Throttles") for data in (first, second)] == [0, 1]
    assert [sum(datum.counts.total() for datum in of(data, "RequestSeconds")) for data in (first, second)] == [3, 1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "outcome", "is_error"),
    [
        (200, Outcome.COMPLETED, False),
        (200, Outcome.UPSTREAM_FAILED, True),
        (200, Outcome.SHUT_DOWN, True),
        (404, Outcome.REJECTED, False),
        (429, Outcome.REJECTED, False),
        (499, Outcome.CLIENT_DISCONNECTED, False),
        (500, Outcome.COMPLETED, True),
        (503, Outcome.OVERLOADED, True),
        (504, Outcome.UPSTREAM_TIMEOUT, True),
    ],
)
async def test_an_error_is_an_answer_of_5xx_or_one_that_broke_off(
    told: Told, status: int, outcome: Outcome, *, is_error: bool
) -> None:
    told.request(status=status, outcome=outcome)
    assert total(told.at(1_000_000_080), "Errors") == is_error


@pytest.mark.anyio
async def test_after_a_freeze_nothing_is_told_twice_and_nothing_is_lost(told: Told) -> None:
    """As a function of Lambda is frozen between two requests."""
    told.request()
    frozen = told.at(1_000_000_020 + 754)
    assert [datum.timestamp_seconds for datum in of(frozen, "DemandRequests")] == [1_000_000_760]
    assert [(datum.timestamp_seconds, datum.sum) for datum in of(frozen, "Requests")] == [(1_000_000_020, 1)]
    assert told.at(1_000_000_020 + 755) == []


@pytest.mark.anyio
async def test_what_belongs_to_another_stack_is_told_to_that_one(told: Told) -> None:
    told.request()
    told.metrics.configure("other")
    told.request()
    told.metrics.configure(None)
    told.request()
    assert [(datum.dimensions["Stack"], datum.sum) for datum in of(extract(told.lines), "Requests")] == [
        (STACK, 1),
        ("other", 1),
    ]


@pytest.mark.anyio
async def test_an_engine_that_tells_nothing_of_its_load_has_none(told: Told) -> None:
    data = told.at(1_000_000_030)
    assert [datum.sum for datum in of(data, "AvailableEndpoints", Upstream="endpoint")] == [1]
    assert of(data, "EngineRunningRequests", Upstream="endpoint") == []
    assert [datum.sum for datum in of(data, "EngineRunningRequests", Upstream="engine")] == [5]
    assert [datum.sum for datum in of(data, "EngineWaitingRequests", Upstream="engine")] == [1]


@pytest.mark.anyio
@pytest.mark.parametrize(("available", "values"), [(True, [1]), (False, [0]), (None, [])])
async def test_redis_is_told_of_where_there_is_one(told: Told, values: list[float], *, available: bool | None) -> None:
    told.load = Load(0, available, {})
    assert [datum.sum for datum in of(told.at(1_000_000_030), "RedisAvailable")] == values


# What a whole gateway writes


def configuration(engine: RunningEngine, **more: object) -> str:
    config = document(
        upstream("engine", engine.address),
        tenants=[{"id": "once-a-minute", "requests_per_minute": 1}],
        cloudwatch_metrics={"stack": STACK},
        **more,
    )
    config["keys"].append({"id": "limited", "sha256": sha256(LIMITED_KEY), "tenant": "once-a-minute"})
    return json.dumps(config)


def test_the_log_of_a_gateway_counts_what_was_asked_of_it(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(configuration(engine))
    with Gateway(config_path) as gateway:
        for _ in range(5):
            gateway.client.post(CHAT, json=chat(PROMPT, stream=True, time_to_first_token_seconds=0.15))
        for _ in range(2):
            gateway.client.post(CHAT, json=chat(PROMPT, status=500))
        for _ in range(3):
            gateway.client.post(CHAT, json=chat(PROMPT), headers={"authorization": f"Bearer {LIMITED_KEY}"})
    data = extract(gateway.lines)
    assert {datum.dimensions["Stack"] for datum in data} == {STACK}
    assert (total(data, "Requests"), total(data, "Errors"), total(data, "Throttles")) == (10, 2, 2)
    assert sum(datum.counts.total() for datum in of(data, "RequestSeconds")) == 10
    assert sum(datum.counts.total() for datum in of(data, "TimeToFirstTokenSeconds")) == 5
    assert 0.1 < percentile(data, "TimeToFirstTokenSeconds", 50) < 3
    assert not any(secret in line for line in gateway.lines for secret in (PROMPT, KEY, LIMITED_KEY))


def test_requests_are_in_no_line_but_as_numbers(config_path: Path, engine: RunningEngine) -> None:
    """Neither tenants nor keys nor models: what is in a metric is billed, and kept for 15 months."""
    config_path.write_text(configuration(engine))
    with Gateway(config_path) as gateway:
        gateway.client.post(CHAT, json=chat(PROMPT), headers={"authorization": f"Bearer {LIMITED_KEY}"})
    documents = [json.loads(line) for line in gateway.lines if '"_aws"' in line]
    assert documents
    for found in documents:
        texts = {name: value for name, value in found.items() if isinstance(value, str)}
        assert texts.items() <= {"Stack": STACK, "Upstream": "engine"}.items()


@pytest.mark.long
def test_while_a_request_runs_it_is_told_as_demand(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(configuration(engine))
    with Gateway(config_path) as gateway:
        body = chat(stream=True, tokens=10_000, inter_token_seconds=0.01)
        with gateway.client.stream("POST", CHAT, json=body) as answer:
            pieces = answer.iter_raw()  # collected, it would close the stream
            next(pieces)

            def told(name: str, **dimensions: str) -> set[float]:
                return {datum.sum for datum in of(extract(gateway.lines), name, **dimensions)}

            # The engine's load is read at times of its own, and may be told a line later.
            eventually(lambda: any(told("EngineRunningRequests", Upstream="engine")))
    assert max(told("DemandRequests")) == 1
    assert told("AvailableEndpoints", Upstream="engine") == {1}


def test_workers_tell_each_for_itself_and_together_all(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(configuration(engine))
    with Gateway(config_path, arguments=("--workers", "2")) as gateway:
        eventually(lambda: gateway.metric("workers") == 2)
        for _ in range(20):
            # A connection of its own each, so that both workers get some.
            gateway.client.post(CHAT, json=chat(), headers={"connection": "close"})
        eventually(lambda: len(gateway.events("request")) >= 20)
    data = extract(gateway.lines)
    assert total(data, "Requests") == 20
    assert len([datum for datum in of(data, "Requests") if datum.sum]) >= 2


def test_without_the_setting_nothing_is_told(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("engine", engine.address))))
    with Gateway(config_path) as gateway:
        gateway.client.post(CHAT, json=chat())
    assert extract(gateway.lines) == []


def test_a_reload_begins_and_ends_it(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("engine", engine.address))))
    with Gateway(config_path) as gateway:
        gateway.client.post(CHAT, json=chat())
        for content in (configuration(engine), json.dumps(document(upstream("engine", engine.address)))):
            sha = gateway.write_config(content)
            gateway.signal(signal.SIGHUP)
            eventually(lambda sha=sha: [e for e in gateway.events("config_active") if e["sha256"] == sha])
            gateway.client.post(CHAT, json=chat())
    assert total(extract(gateway.lines), "Requests") == 1


@pytest.mark.anyio
async def test_a_look_at_many_series_holds_up_requests_for_little(told: Told) -> None:
    """Within the event loop, so that it delays requests: a stack with ten models, and every kind of end."""
    for model in range(10):
        for outcome in Outcome:
            for status in (200, 429, 503):
                told.request(model=f"model-{model}", status=status, outcome=outcome)
    began = time.process_time()
    told.clock.now = 1_000_000_080
    told.metrics.tell()
    assert time.process_time() - began < 0.1
