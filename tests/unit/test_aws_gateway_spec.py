"""What a gateway on Fargate and the balancer before it may be, and the times on which the two agree."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.aws.fargate_size import MOST_STOP_SECONDS
from moorage.aws.gateway_spec import FargateGatewaySpec
from moorage.aws.load_balancer_spec import MOST_DEREGISTRATION_SECONDS, MOST_IDLE_SECONDS, LoadBalancerSpec
from moorage.kubernetes.gateway_process_spec import PROPAGATION_SECONDS
from moorage.spec import SpecError
from moorage.spec.parsing import parse

IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4


def gateway(**changes: Any) -> FargateGatewaySpec:
    return parse(
        FargateGatewaySpec, {"region": "eu-central-1", "image": IMAGE, "authentication": "api_keys", **changes}, ""
    )


WEB_ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/harbour/0a1b2c3d"


def balancer(**changes: Any) -> LoadBalancerSpec:
    return parse(LoadBalancerSpec, {"region": "eu-central-1", **changes}, "")


def argument(spec: FargateGatewaySpec, name: str) -> int:
    return int(spec.command[spec.command.index(name) + 1])


@given(waiting_seconds=st.floats(1, 2000), first_byte_seconds=st.floats(1, 1900), between_seconds=st.floats(1, 3900))
def test_no_answer_is_cut_for_its_silence_and_no_request_goes_into_a_connection_that_is_being_closed(
    waiting_seconds: float, first_byte_seconds: float, between_seconds: float
):
    settings = {
        "admission": {"max_deadline_seconds": waiting_seconds},
        "timeouts": {"first_byte_seconds": first_byte_seconds, "idle_seconds": between_seconds},
    }
    idle_seconds = balancer(settings=settings).idle_timeout_seconds
    assert max(waiting_seconds + first_byte_seconds, between_seconds) < idle_seconds <= MOST_IDLE_SECONDS
    assert argument(gateway(settings=settings), "--keep-alive-seconds") > idle_seconds


def test_a_silence_that_no_balancer_waits_for_is_refused():
    with pytest.raises(
        SpecError, match=r"settings\.admission: an answer may be silent for 4121 seconds.* at most 4000"
    ):
        balancer(settings={"admission": {"max_deadline_seconds": 4000}})


@given(p99_request_seconds=st.floats(0.1, 3555))
def test_the_balancer_keeps_every_request_that_the_service_level_allows_and_fargate_kills_no_sooner_than_is_told(
    p99_request_seconds: float,
):
    service_level = {"p99_request_seconds": p99_request_seconds}
    delay = balancer(service_level=service_level).deregistration_delay_seconds
    assert p99_request_seconds <= delay <= MOST_DEREGISTRATION_SECONDS
    spec = gateway(service_level=service_level)
    assert spec.grace_seconds <= MOST_STOP_SECONDS
    told = argument(spec, "--propagation-seconds") + argument(spec, "--drain-seconds")
    assert PROPAGATION_SECONDS < told < spec.grace_seconds
    if spec.grace_seconds < MOST_STOP_SECONDS:
        assert argument(spec, "--drain-seconds") >= math.ceil(p99_request_seconds)


def test_answers_that_no_balancer_keeps_for_long_enough_are_refused_with_the_number():
    with pytest.raises(SpecError, match=r"p99_request_seconds = 4000: .*at most 3600 seconds; must be at most 3555"):
        balancer(service_level={"p99_request_seconds": 4000.0})


def test_settings_that_no_task_definition_has_room_for_are_refused():
    keys = [{"id": f"client-{number}", "sha256": "0a" * 32} for number in range(600)]
    with pytest.raises(
        SpecError, match=r"settings: are \d+ bytes in a task definition of ECS, which has room for 57344"
    ):
        gateway(settings={"keys": keys})
    assert gateway(settings={"keys": keys[:200]})


def test_more_cpu_than_fargate_has_is_refused():
    with pytest.raises(SpecError, match=r"cpu = 32\.0: must be a number above 0 and at most 16"):
        gateway(cpu=32.0)
    assert gateway(cpu=16.0).size == (16 * 1024, 32 * 1024)


@pytest.mark.parametrize(
    ("exposure", "message"),
    [
        ({"public": True, "client_cidrs": ["203.0.113.0/24"]}, "keys would be read on the way"),
        ({"public": True}, "public gateways need the networks of their clients"),
        ({"certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a"}, "needs hostname"),
        ({"certificate_arn": "certificate", "hostname": "llm.example.com"}, "must be the ARN of a certificate of ACM"),
        ({"hostname": "LLM"}, "must be a domain name in lowercase"),
        ({"web_acl_arn": "arn:aws:wafv2:eu"}, "must be the ARN of a web ACL of AWS WAF for a region"),
        ({"web_acl_arn": WEB_ACL, "managed_web_acl": True}, "must be false where web_acl_arn names another"),
        ({"client_cidrs": ["office"]}, "must be an IPv4 network"),
    ],
)
def test_gateways_that_strangers_could_listen_to_are_refused(exposure: dict[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        balancer(exposure=exposure)
