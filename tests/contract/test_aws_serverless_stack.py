"""The stack of a function, as the program builds it on mocks: what it makes, says, costs and refuses."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from .stack_builds import ROOT, build
from .test_stacks import configuration_of

KEYS = configuration_of(ROOT / "stacks" / "Pulumi.aws-serverless.yaml")

ROTATED_KEY = {"id": "changing", "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:harbour-1a2b3c"}


def changed(**changes: object) -> dict[str, object]:
    """The stack with other keys; a group's are merged into it."""
    keys = dict(KEYS)
    for name, value in changes.items():
        given = keys.get(f"moorage:{name}", {})
        keys[f"moorage:{name}"] = {**given, **value} if isinstance(value, dict) else value
    return keys


def built(**changes: object) -> SimpleNamespace:
    done = build(changed(**changes))
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def stack() -> SimpleNamespace:
    return built()


def the(stack: SimpleNamespace, suffix: str, name: str = "") -> dict[str, Any]:
    (found,) = [
        found["inputs"]
        for found in stack.registrations
        if found["type"].endswith(f":{suffix}") and found["name"].startswith(name)
    ]
    return found


def test_it_has_no_network_no_machine_and_nothing_that_runs_by_the_hour(stack: SimpleNamespace):
    services = {found["type"].split(":")[1].split("/")[0] for found in stack.registrations if "aws:" in found["type"]}
    assert services == {"apigateway", "cloudwatch", "iam", "kms", "lambda", "sns"}
    assert stack.plain_outputs["estimated_cost"]["usd_per_hour"] == 0


def test_its_endpoint_is_the_apis_and_its_key_is_the_functions(stack: SimpleNamespace):
    assert stack.outputs["endpoint_url"].endswith("/live/v1")
    assert stack.outputs["api_key"] == {"secret": "moorage-engine-api-key-plaintext"}
    assert stack.plain_outputs["platform"] == "lambda"


def test_the_gateway_in_the_function_and_the_authorizer_before_it_know_the_same_keys(stack: SimpleNamespace):
    document = json.loads(the(stack, "Function", "engine")["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"])
    hashes = json.loads(the(stack, "Function", "api")["environment"]["variables"]["MOORAGE_KEY_SHA256"])
    assert {key["id"]: key["sha256"] for key in document["keys"]} == hashes
    assert list(hashes) == ["default"]


def test_it_is_watched_by_what_its_gateway_and_lambda_say(stack: SimpleNamespace):
    document = json.loads(the(stack, "Function", "engine")["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"])
    assert document["cloudwatch_metrics"] == {"stack": "moorage-contract"}
    alarms = {found["name"] for found in stack.registrations if found["type"].endswith(":MetricAlarm")}
    assert any("function" in name for name in alarms)
    assert any("api" in name for name in alarms)
    assert "cloudwatch" in stack.outputs["dashboard_url"]


@pytest.mark.parametrize(
    ("load", "seconds"), [({}, 45), ({"max_prompt_tokens": 1000}, 23.8), ({"max_prompt_tokens": 400}, 10)]
)
def test_a_prompt_that_processors_read_for_long_is_no_alarm(load: dict[str, int], seconds: float):
    """Nor would the ten seconds be that engines on GPUs have: a mean prompt of the stack is read for seven."""
    alarm = the(built(load=load), "MetricAlarm", "monitoring-time-to-first-token-high")
    assert alarm["threshold"] == seconds


def test_an_answer_may_take_as_long_on_its_way_as_in_the_function(stack: SimpleNamespace):
    function, integration = the(stack, "Function", "engine"), the(stack, "Integration", "api-integration")
    assert integration["timeoutMilliseconds"] == function["timeout"] * 1000


def test_it_says_how_long_the_first_request_waits_and_why(stack: SimpleNamespace):
    (said,) = (line for line in stack.logged if "a request that finds nothing started waits about" in line)
    assert "engine" in said


def test_it_says_what_requests_cost(stack: SimpleNamespace):
    cost = stack.plain_outputs["estimated_cost"]
    assert 0 < cost["usd_per_1000_requests"] < 10
    kept = built(function={"provisioned_concurrency": {"min": 2}}).plain_outputs["estimated_cost"]
    assert kept["usd_per_hour"] > 0


@pytest.mark.parametrize(
    ("changes", "quota"), [({}, 108), ({"load": {"concurrent_requests": 901}, "jobs": {"workers": {"max": 3}}}, 1004)]
)
def test_the_quota_that_its_functions_need_is_said_with_its_code(changes: dict[str, object], quota: int):
    """Of a new account Lambda refuses any reservation."""
    (said,) = (line for line in built(**changes).logged if "L-B99A9384" in line)
    assert f"need a quota of {quota} concurrent executions" in said
    assert "a new one 10" in said


def test_a_prompt_that_api_gateway_would_not_wait_for_is_warned_of():
    said = built(model={"max_model_len": 32_768}).logged
    assert any("the longest prompt is read for about" in line for line in said)


def test_a_service_level_that_cpus_do_not_keep_is_warned_of():
    said = built(load={"mean_output_tokens": 3000}, service_level={"p99_request_seconds": 20}).logged
    assert any("above service_level.p99_request_seconds = 20" in line for line in said)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model_facts": {"weight_bytes": 12 * 2**30}}, "model_facts.weight_bytes = 12884901888: an image with it has"),
        ({"model_facts": {"weight_bytes": 10 * 2**30}}, "model: needs"),
        ({"service_level": {"p99_request_seconds": 900}}, "Lambda ends each after 900"),
        ({"function": {"memory_mb": 512}}, "function.memory_mb = 512: the model needs"),
        ({"function": {"memory_mb": 10_241}}, "function.memory_mb = 10241"),
        (
            {"images": {"engine": f"REGISTRY/serving@sha256:{'0' * 64}"}},
            "images.engine = REGISTRY/serving@sha256:" + "0" * 64 + ": Lambda runs images of ECR in its own region",
        ),
        ({"aws": {"region": "eu-central-1"}}, "Lambda runs images of ECR in its own region"),
        ({"gateway": {"settings": {"cache": {"ttl_seconds": 60}}}}, "gateway.settings.cache: needs Redis"),
        (
            {"gateway": {"settings": {"max_request_body_bytes": 7 * 2**20}}},
            "gateway.settings.max_request_body_bytes = 7340032: Lambda takes no event above 6291456 bytes",
        ),
        (
            {"gateway": {"settings": {"tenants": [{"id": f"tenant-{number}"} for number in range(300)]}}},
            "gateway.settings: needs",
        ),
        (
            {"function": {"provisioned_concurrency": {"min": 1, "max": 9}}},
            "function.provisioned_concurrency.max = 9: must be at most the reserved concurrency, 8",
        ),
        ({"aws": {"availability_zones": ["us-east-1a", "us-east-1b"]}}, "aws.availability_zones: has no meaning"),
        ({"aws": {"key_rotation_days": 30}}, "aws.key_rotation_days: has no meaning with platform = lambda"),
        ({"aws": {"deletion_protection": False}}, "aws.deletion_protection: has no meaning with platform = lambda"),
        (
            {"gateway": {"settings": {"rotated_keys": [ROTATED_KEY]}}},
            "gateway.settings.rotated_keys: needs the right to read secrets",
        ),
        ({"engine": {"idle_seconds": 60}}, "engine.idle_seconds: has no meaning with platform = lambda"),
        ({"cluster": {"namespace": "x"}}, "cluster: has no meaning with platform = lambda"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_what_a_function_cannot_be_is_refused_before_anything_is_made(changes: dict[str, object], problem: str):
    refused = build(changed(**changes))
    assert refused.returncode == 1
    assert problem in refused.stderr
