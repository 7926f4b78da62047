"""The function that serves a model: its size, its costs' bound, what keeps it started, and what it knows."""

import json
from typing import Any

import botocore.session
import pytest

from moorage.aws.warm_up import warm_up_event
from moorage.spec import SpecError
from moorage_serving.gateway.config.gateway import GatewayConfig

from .aws_answers import ACCOUNT_ID, REGION
from .aws_programs import VARIANTS, program
from .recording import Recording, Secret, run_program, value_of

FUNCTION = "harbour-function-id"
ALIAS_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{FUNCTION}:live"


def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def recorded(variant: str = "function", **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def function_of(recording: Recording) -> dict[str, Any]:
    return recording.the("Function").inputs


def test_it_is_an_image_by_its_digest_with_what_the_model_asks_for():
    function = function_of(recorded())
    assert (function["packageType"], function["architectures"]) == ("Image", ["x86_64"])
    assert "@sha256:" in function["imageUri"]
    assert 1000 < function["memorySize"] <= 10_240
    assert function["ephemeralStorage"] == {"size": 512}
    assert function["timeout"] <= 900


def test_a_size_of_ones_own_is_taken():
    assert function_of(recorded(memory_mb=9000))["memorySize"] == 9000


def test_as_many_are_answered_at_once_as_the_load_says_and_no_more():
    assert function_of(recorded())["reservedConcurrentExecutions"] == 8
    assert function_of(recorded(reserved_concurrency=3))["reservedConcurrentExecutions"] == 3


def test_clients_reach_a_version_that_never_changes_by_its_alias():
    recording = recorded()
    assert function_of(recording)["publish"] is True
    alias = recording.the("Alias").inputs
    assert (alias["name"], alias["functionName"], alias["functionVersion"]) == ("live", FUNCTION, "1")


def test_the_gateways_document_is_in_the_environment_and_has_hashes_alone():
    component, recording = run_program(program(VARIANTS["function"]))
    variables = function_of(recording)["environment"]["variables"]
    document = json.loads(variables["MOORAGE_GATEWAY_DOCUMENT"])
    assert document["upstreams"] == [value_of(component.upstream)]
    assert document["upstreams"][0]["max_concurrent_requests"] == 1
    assert [key["id"] for key in document["keys"]] == ["default"]
    assert document["keys"][0]["tenant"] == "pilots"
    assert document["quotas"]["gateway_replicas"] == 8
    key = value_of(component.api_key)
    assert isinstance(key, Secret)
    assert str(key.value) not in json.dumps(variables)
    assert value_of(component.keys) == document["keys"]


def test_the_gateway_takes_its_document():
    variables = function_of(recorded())["environment"]["variables"]
    config = GatewayConfig.model_validate_json(variables["MOORAGE_GATEWAY_DOCUMENT"])
    assert config.timeouts.first_byte_seconds <= 300
    given = function_of(recorded(settings={"timeouts": {"first_byte_seconds": 7}}, tenant=...))
    assert json.loads(given["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"])["timeouts"] == {
        "first_byte_seconds": 7
    }


def test_the_gateway_holds_the_first_request_until_the_engine_is_up():
    """Lambda may start the gateway seconds before the engine has its model."""
    document = json.loads(function_of(recorded())["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"])
    assert document["upstreams"][0]["activation"] == {}
    assert 10 <= document["admission"]["deadline_seconds"] <= document["admission"]["max_deadline_seconds"] <= 300
    given = {"admission": {"max_deadline_seconds": 5}}
    bounded = function_of(recorded(settings=given, tenant=...))["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"]
    assert json.loads(bounded)["admission"] == {"deadline_seconds": 5, "max_deadline_seconds": 5}


def test_the_engine_is_where_the_gateway_looks_for_it():
    variables = function_of(recorded())["environment"]["variables"]
    (upstream,) = json.loads(variables["MOORAGE_GATEWAY_DOCUMENT"])["upstreams"]
    assert upstream["address"] == f"http://{variables['LLAMA_ARG_HOST']}:{variables['LLAMA_ARG_PORT']}"
    assert upstream["model"] == variables["LLAMA_ARG_ALIAS"]


def test_an_environment_that_lambda_has_no_room_for_is_refused_with_the_numbers():
    keys = [{"id": f"pilot-{number}", "sha256": f"{number:064x}"} for number in range(40)]
    with pytest.raises(SpecError, match=r"settings: needs \d+ bytes of a function's environment, which has 4096"):
        recorded(settings={"keys": keys}, tenant=...)


def test_what_fits_is_as_long_as_it_was_thought_to_be():
    """The check counts with a hash of zeros."""
    keys = [{"id": f"pilot-{number}", "sha256": f"{number:064x}"} for number in range(20)]
    variables = function_of(recorded(settings={"keys": keys}, tenant=...))["environment"]["variables"]
    assert sum(len(name.encode()) + len(value.encode()) for name, value in variables.items()) <= 4096


def test_nothing_is_kept_started_unasked():
    recording = recorded()
    for kind in ("ProvisionedConcurrencyConfig", "Target", "Policy", "ScheduledAction", "Schedule"):
        assert recording.of_type(kind) == []


def test_a_fixed_number_is_kept_started_behind_the_alias():
    given = recorded("function that is kept started").the("ProvisionedConcurrencyConfig").inputs
    assert (given["functionName"], given["qualifier"]) == (FUNCTION, "live")
    assert given["provisionedConcurrentExecutions"] == 2


def test_a_changing_number_is_application_auto_scalings():
    recording = recorded("function that is kept started by use and by the clock")
    target, policy = recording.the("Target").inputs, recording.the("Policy").inputs
    assert recording.of_type("ProvisionedConcurrencyConfig") == []
    assert (target["resourceId"], target["minCapacity"], target["maxCapacity"]) == (f"function:{FUNCTION}:live", 1, 4)
    scaling = model("application-autoscaling")
    assert target["scalableDimension"] in scaling.shape_for("ScalableDimension").enum
    tracked = policy["targetTrackingScalingPolicyConfiguration"]
    assert tracked["targetValue"] == 0.7


def test_what_is_not_used_at_all_is_stopped_though_lambda_says_nothing_of_it():
    policy = recorded("function that is kept started by use and by the clock").the("Policy").inputs
    assert "predefinedMetricSpecification" not in policy["targetTrackingScalingPolicyConfiguration"]
    told, used = policy["targetTrackingScalingPolicyConfiguration"]["customizedMetricSpecification"]["metrics"]
    assert (used["expression"], used["returnData"]) == (f"FILL({told['id']}, 0)", True)
    metric = told["metricStat"]["metric"]
    assert (metric["namespace"], metric["metricName"]) == ("AWS/Lambda", "ProvisionedConcurrencyUtilization")
    assert {found["name"]: found["value"] for found in metric["dimensions"]} == {
        "FunctionName": FUNCTION,
        "Resource": f"{FUNCTION}:live",
    }


def test_the_clock_sets_other_numbers_none_included():
    actions = recorded("function that is kept started by use and by the clock").of_type("ScheduledAction")
    assert {found.name: found.inputs["scalableTargetAction"] for found in actions} == {
        "harbour-provisioned-0": {"minCapacity": 2, "maxCapacity": 6},
        "harbour-provisioned-1": {"minCapacity": 0, "maxCapacity": 0},
    }
    assert {found.inputs["timezone"] for found in actions} == {"Europe/Berlin"}


def test_a_fixed_number_by_the_clock_follows_no_use():
    schedules = [{"schedule": "cron(0 20 * * ? *)", "min": 0, "max": 0}]
    recording = recorded(provisioned_concurrency={"min": 1, "schedules": schedules})
    assert recording.of_type("Policy") == []
    assert len(recording.of_type("ScheduledAction")) == 1


@pytest.mark.parametrize(("minutes", "expression"), [(1, "rate(1 minute)"), (5, "rate(5 minutes)")])
def test_a_warm_up_calls_the_alias_and_may_do_nothing_else(minutes: int, expression: str):
    recording = recorded("function that is warmed up", warm_up_minutes=minutes)
    schedule = recording.the("Schedule").inputs
    assert schedule["scheduleExpression"] == expression
    assert schedule["target"]["arn"] == ALIAS_ARN
    assert schedule["target"]["retryPolicy"] == {"maximumRetryAttempts": 0}
    assert json.loads(schedule["target"]["input"]) == warm_up_event()
    (policy,) = [found for found in recording.of_type("RolePolicy") if "warm-up" in found.name]
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["lambda:InvokeFunction"], [ALIAS_ARN])


def test_a_warm_up_that_fails_or_finds_all_environments_busy_is_soon_forgotten():
    invocation = recorded("function that is warmed up").the("FunctionEventInvokeConfig").inputs
    shape = model("lambda").shape_for("MaximumEventAgeInSeconds")
    assert invocation["maximumEventAgeInSeconds"] == shape.metadata["min"]
    assert invocation["maximumRetryAttempts"] == 0


def test_each_service_may_take_a_role_for_this_account_alone():
    roles = recorded("function that is warmed up").of_type("Role")
    services = {}
    for role in roles:
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        services[role.name] = statement["Principal"]["Service"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}}
    assert services == {
        "harbour-function-role": "lambda.amazonaws.com",
        "harbour-warm-up-role": "scheduler.amazonaws.com",
    }


def test_its_role_writes_its_own_log_and_reads_its_environment():
    (policy,) = recorded().of_type("RolePolicy")
    log, environment = json.loads(policy.inputs["policy"])["Statement"]
    group = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/moorage/harbour-function-1a2b3c4:*"
    assert (set(log["Action"]), log["Resource"]) == ({"logs:CreateLogStream", "logs:PutLogEvents"}, [group])
    key = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/harbour-key"
    assert (environment["Action"], environment["Resource"]) == (["kms:Decrypt"], [key])


def test_its_key_is_for_its_own_log_groups():
    statements = {found["Sid"]: found for found in json.loads(recorded().the("Key").inputs["policy"])["Statement"]}
    condition = statements["LogGroup"]["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert condition == f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/moorage/harbour-*"


def test_it_is_traced_where_it_is_asked_to():
    assert function_of(recorded())["tracingConfig"] == {"mode": "PassThrough"}
    recording = recorded(tracing=True)
    assert function_of(recording)["tracingConfig"] == {"mode": "Active"}
    attached = recording.the("RolePolicyAttachment").inputs["policyArn"]
    assert attached == "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"


IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/serving-lambda@sha256:{'f' * 64}"


@pytest.mark.parametrize(
    "changes",
    [
        {"image": IMAGE},
        {"memory_mb": 5000},
        {"load": {"concurrent_requests": 9}},
        {"service_level": {"p99_request_seconds": 31.0}},
        {"settings": {}, "tenant": ...},
        {"tracing": True},
        {"warm_up_minutes": 9},
        {"provisioned_concurrency": {"min": 1}},
        {"log_retention_days": 7},
        {"tags": {"team": "shipyard"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_change_replaces_the_function(changes: dict[str, object]):
    """What forces a new one: its name, the kind of package and where it is (pulumi_aws 7.51.1, its schema)."""
    before, after = function_of(recorded()), function_of(recorded(**changes))
    assert {before.get(key) for key in ("name", "region")} == {None}
    assert {after.get(key) for key in ("name", "region")} == {None}
    assert before["packageType"] == after["packageType"]


def test_what_lambda_is_given_is_within_its_own_models_limits():
    function, shapes = function_of(recorded()), model("lambda")
    for key, shape in (("memorySize", "MemorySize"), ("timeout", "Timeout")):
        limits = shapes.shape_for(shape).metadata
        assert limits["min"] <= function[key] <= limits["max"]
    assert function["architectures"][0] in shapes.shape_for("Architecture").enum
    assert function["loggingConfig"]["logFormat"] in shapes.shape_for("LogFormat").enum
    assert function["tracingConfig"]["mode"] in shapes.shape_for("TracingMode").enum
