"""What is read out of an engine's metrics."""

import pytest

from moorage_serving.activator.engine import Activity, EngineError, activity_of

LABELS = 'engine="0",model_name="tiny-model"'
METRICS = f"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{{LABELS}}} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{{LABELS}}} 1.0
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{{{LABELS},reason="capacity"}} 1.0
# TYPE vllm:prompt_tokens counter
vllm:prompt_tokens_total{{{LABELS}}} 40.0
vllm:prompt_tokens_created{{{LABELS}}} 1.79543e+09
# TYPE vllm:request_success counter
vllm:request_success_total{{{LABELS},finished_reason="stop"}} 3.0
vllm:request_success_total{{{LABELS},finished_reason="abort"}} 1.0
"""


def test_running_and_waiting_requests_are_demand():
    assert activity_of(METRICS) == Activity(requests=3, work_done=44)


@pytest.mark.parametrize(
    "name", ["num_requests_running", "num_requests_waiting", "prompt_tokens_total", "request_success_total"]
)
def test_an_engine_that_does_not_say_is_not_taken_for_idle(name: str):
    without = "\n".join(line for line in METRICS.splitlines() if not line.startswith(f"vllm:{name}{{"))
    with pytest.raises(EngineError, match=name):
        activity_of(without)


def test_what_is_no_metrics_is_refused():
    with pytest.raises(EngineError):
        activity_of("<html>not found</html>")
