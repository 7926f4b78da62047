"""How long an endpoint's container finishes its requests, within what SageMaker lets it live."""

import pytest
from tests.sagemaker_endpoint import endpoint_spec

from moorage.aws.managed_spec import STOP_SECONDS, SagemakerVllmSpec


def spec(p99_request_seconds: float) -> SagemakerVllmSpec:
    return endpoint_spec(service_level={"p99_request_seconds": p99_request_seconds})


@pytest.mark.parametrize("p99_request_seconds", [20.0, 30.0, 60.0, 600.0])
def test_a_container_is_done_before_it_is_killed(p99_request_seconds: float):
    assert 0 < spec(p99_request_seconds).shutdown_timeout_seconds < STOP_SECONDS


def test_short_requests_need_no_longer_than_they_take():
    assert spec(5.0).shutdown_timeout_seconds == 5


def test_vllm_is_told_and_hears_of_the_stop_itself():
    environment = spec(60.0).environment
    assert environment["SM_VLLM_SHUTDOWN_TIMEOUT"] == "26"
    assert environment["PROCESS_AUTO_RECOVERY"] == "false"
