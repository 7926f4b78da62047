"""What an engine says of its own load is read out of its metrics, and whether it makes progress is seen from it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from moorage_serving.gateway.upstream.engine_load import EngineLoad, parse_engine_load
from moorage_serving.gateway.upstream.progress import ProgressCheck

STALL_SECONDS = 60.0


def exposition(ranks: list[tuple[int, int, int, int]], model: str = "m") -> bytes:
    """As vLLM makes it: with the Prometheus client, and among much else."""
    registry = CollectorRegistry()
    labels = ["model_name", "engine"]
    running = Gauge("vllm:num_requests_running", "Running.", labels, registry=registry)
    waiting = Gauge("vllm:num_requests_waiting", "Waiting.", labels, registry=registry)
    reasons = Gauge("vllm:num_requests_waiting_by_reason", "Not ours.", [*labels, "reason"], registry=registry)
    generated = Counter("vllm:generation_tokens", "Tokens.", labels, registry=registry)
    prompt = Counter("vllm:prompt_tokens", "Tokens.", labels, registry=registry)
    other = Histogram("vllm:request_generation_tokens", "Not ours.", labels, registry=registry)
    for rank, (running_now, waiting_now, generated_tokens, prompt_tokens) in enumerate(ranks):
        where = (model, str(rank))
        running.labels(*where).set(running_now)
        waiting.labels(*where).set(waiting_now)
        reasons.labels(*where, "capacity").set(99)
        generated.labels(*where).inc(generated_tokens)
        prompt.labels(*where).inc(prompt_tokens)
        other.labels(*where).observe(17)
    return generate_latest(registry)


counts = st.integers(0, 10_000_000)


@settings(deadline=None)
@given(st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=4), st.text(max_size=20))
def test_the_load_of_all_ranks_is_added_up(ranks: list[tuple[int, int, int, int]], model: str) -> None:
    assert parse_engine_load(exposition(ranks, model)) == EngineLoad(
        running=sum(rank[0] for rank in ranks),
        waiting=sum(rank[1] for rank in ranks),
        tokens=float(sum(rank[2] + rank[3] for rank in ranks)),
    )


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_what_is_no_metrics_of_vllm_has_no_load(text: bytes) -> None:
    assert parse_engine_load(text) is None
    assert parse_engine_load(b"vllm:num_requests_running 3.0\n" + text) is None


def test_an_engine_is_stalled_when_requests_run_and_no_token_moves() -> None:
    check = ProgressCheck(STALL_SECONDS)
    stuck = EngineLoad(running=2, waiting=5, tokens=100)
    assert not check.is_stalled(stuck, 1000.0)
    assert not check.is_stalled(stuck, 1059.0)
    assert check.is_stalled(stuck, 1060.0)


@pytest.mark.parametrize(
    "sign_of_life",
    [
        EngineLoad(running=2, waiting=5, tokens=101),
        EngineLoad(running=2, waiting=0, tokens=3),  # a restart
        EngineLoad(running=0, waiting=0, tokens=100),
    ],
)
def test_any_movement_starts_the_time_anew(sign_of_life: EngineLoad) -> None:
    check = ProgressCheck(STALL_SECONDS)
    stuck = EngineLoad(running=2, waiting=5, tokens=100)
    check.is_stalled(stuck, 1000.0)
    check.is_stalled(stuck, 1050.0)
    assert not check.is_stalled(sign_of_life, 1061.0)
    assert not check.is_stalled(EngineLoad(running=2, waiting=5, tokens=sign_of_life.tokens), 1120.0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1000), min_size=1))
def test_an_idle_engine_is_never_stalled(gaps: list[float]) -> None:
    check = ProgressCheck(STALL_SECONDS)
    now = 1000.0
    for gap in gaps:
        now += gap
        assert not check.is_stalled(EngineLoad(running=0, waiting=0, tokens=7), now)
