"""The API before a function: it streams, knows the keys, writes nothing down that was asked, and is deployed anew."""

import json
import re
from typing import Any

import botocore.session
import pytest

from moorage.aws.rest_api_answers import RESPONSES, access_log_format
from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID, REGION
from .aws_example_values import KEYS, OWN_DOMAIN
from .aws_programs import VARIANTS, program
from .recording import Recording, run_program, value_of

APIGATEWAY = botocore.session.get_session().get_service_model("apigateway")
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:harbour-function-1a2b3c4:live"


def recorded(variant: str = "REST API", **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def named(recording: Recording, name: str) -> dict[str, Any]:
    (found,) = [found.inputs for found in recording.registrations if found.name == name]
    return found


def test_answers_are_streamed_from_the_functions_alias():
    """By the other API and the other action that docs.aws.amazon.com/apigateway/latest/developerguide/
    response-transfer-mode-lambda.html asks for."""
    integration = named(recorded(), "harbour-integration")
    assert (integration["type"], integration["responseTransferMode"]) == ("AWS_PROXY", "STREAM")
    start = f"arn:aws:apigateway:{REGION}:lambda:path/2021-11-15/functions/"
    assert integration["uri"] == f"{start}{FUNCTION}/response-streaming-invocations"
    assert integration["timeoutMilliseconds"] == 120_000


def test_the_api_may_call_that_alias_for_its_own_routes_and_the_authorizer_for_itself():
    permissions = {found.name: found.inputs for found in recorded().of_type("Permission")}
    function, authorizer = permissions["harbour-permission"], permissions["harbour-authorizer-permission"]
    assert (function["function"], function["qualifier"]) == ("harbour-function-1a2b3c4", "live")
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:a1b2c3d4e5"
    assert function["sourceArn"] == f"{api}/live/*/v1/*"
    assert authorizer["sourceArn"] == f"{api}/authorizers/harbour-authorizer-id"
    assert {given["principal"] for given in permissions.values()} == {"apigateway.amazonaws.com"}


def test_whoever_has_no_key_starts_nothing_but_the_authorizer():
    recording = recorded()
    method, authorizer = named(recording, "harbour-method"), recording.the("Authorizer").inputs
    assert (method["authorization"], method["authorizerId"]) == ("CUSTOM", "harbour-authorizer-id")
    assert (authorizer["type"], authorizer["identitySource"]) == ("REQUEST", "method.request.header.Authorization")
    assert authorizer["authorizerResultTtlInSeconds"] == 300


def test_a_gateway_that_has_it_as_an_upstream_is_told_that_it_is_there_and_starts_nothing():
    recording = recorded()
    method, integration = named(recording, "harbour-health-method"), named(recording, "harbour-health-integration")
    assert (method["httpMethod"], method["authorization"], integration["type"]) == ("GET", "NONE", "MOCK")
    assert named(recording, "harbour-health-answer")["statusCode"] == "200"
    assert named(recording, "harbour-health")["parentId"] == "root"
    assert {found.name for found in recording.of_type("Method") if found.inputs["authorization"] == "NONE"} == {
        "harbour-health-method"
    }


def test_the_authorizer_has_the_hashes_and_its_one_file():
    function = recorded().the("Function").inputs
    assert json.loads(function["environment"]["variables"]["MOORAGE_KEY_SHA256"]) == {
        key["id"]: key["sha256"] for key in KEYS
    }
    assert list(function["code"]["assets"]) == ["key_authorizer_function.py"]
    assert function["handler"] == "key_authorizer_function.handler"


@pytest.mark.parametrize("kind", ["RestApi", "DomainName"])
def test_no_client_gets_in_with_less_than_tls_1_2(kind: str):
    inputs = recorded("REST API with a domain").the(kind).inputs
    assert inputs["securityPolicy"] == "SecurityPolicy_TLS13_1_2_2021_06"
    assert inputs["endpointAccessMode"] == "STRICT"
    assert inputs["endpointConfiguration"] == {"types": "REGIONAL"}


def test_a_domain_of_ones_own_is_the_only_way_in():
    api, recording = run_program(program(VARIANTS["REST API with a domain"]))
    assert recording.the("RestApi").inputs["disableExecuteApiEndpoint"] is True
    assert value_of(api.endpoint_url) == "https://llm.example.com/v1"
    assert value_of(api.domain_target) == f"d-harbour-domain.execute-api.{REGION}.amazonaws.com"


def test_without_a_domain_there_is_api_gateways():
    api, recording = run_program(program(VARIANTS["REST API"]))
    assert recording.the("RestApi").inputs["disableExecuteApiEndpoint"] is False
    assert value_of(api.endpoint_url) == f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/live/v1"


def policy_of(recording: Recording) -> dict[str, Any]:
    (statement,) = json.loads(recording.the("RestApiPolicy").inputs["policy"])["Statement"]
    return statement


def test_clients_come_from_the_networks_that_are_named():
    assert policy_of(recorded("REST API with a domain"))["Condition"] == {
        "IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}
    }
    assert "Condition" not in policy_of(recorded())


def test_nobody_reaches_anything_else():
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:a1b2c3d4e5/live"
    assert policy_of(recorded())["Resource"] == [f"{api}/*/v1/*", f"{api}/GET/health"]


def test_the_access_log_has_named_fields_and_nothing_of_what_was_asked():
    """Neither the path as the client wrote it, nor a query, a header or a body."""
    stage = recorded().the("Stage").inputs
    assert stage["accessLogSettings"]["format"] == access_log_format()
    variables = {value.removeprefix("$context.") for value in json.loads(access_log_format()).values()}
    assert "status" in variables
    assert not [
        name for name in variables if re.search(r"(^|\.)(path|query|header|body|userAgent)", name, re.IGNORECASE)
    ]
    settings = recorded().the("MethodSettings").inputs["settings"]
    assert (settings["loggingLevel"], settings["dataTraceEnabled"]) == ("OFF", False)


def test_every_client_is_slowed_down_by_the_throttle():
    throttled = recorded("REST API with a domain").the("MethodSettings").inputs
    assert throttled["methodPath"] == "*/*"
    assert (throttled["settings"]["throttlingRateLimit"], throttled["settings"]["throttlingBurstLimit"]) == (20, 40)


@pytest.mark.parametrize("kind", RESPONSES)
def test_what_api_gateway_answers_itself_is_an_error_as_openai_writes_it(kind: str):
    assert kind in APIGATEWAY.shape_for("GatewayResponseType").enum
    (template,) = RESPONSES[kind].response_templates.values()
    error = json.loads(template.replace("$context.error.messageString", '"a message"'))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]


def test_a_client_without_a_key_gets_the_status_that_its_library_knows():
    (response,) = [found for found in recorded().of_type("Response") if found.inputs["responseType"] == "ACCESS_DENIED"]
    assert response.inputs["statusCode"] == "401"
    assert response.inputs["responseParameters"] == {"gatewayresponse.header.WWW-Authenticate": "'Bearer'"}


def test_the_words_are_api_gateways():
    recording = recorded("REST API with a domain")
    for kind, key, shape in [
        ("Integration", "type", "IntegrationType"),
        ("Integration", "responseTransferMode", "ResponseTransferMode"),
        ("Authorizer", "type", "AuthorizerType"),
    ]:
        words = {found.inputs[key] for found in recording.of_type(kind) if key in found.inputs}
        assert words
        assert words <= set(APIGATEWAY.shape_for(shape).enum)


def deployment(**changes: object) -> object:
    return recorded(**changes).the("Deployment").inputs["triggers"]


@pytest.mark.parametrize(
    "changes",
    [
        {"function_name": "another"},
        {"function_alias": "another"},
        {"timeout_seconds": 121},
        {"client_cidrs": ["198.51.100.0/24"]},
        {"custom_domain": OWN_DOMAIN},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_in_a_deployment_makes_another(changes: dict[str, object]):
    assert deployment(**changes) != deployment()


def test_another_authorizer_makes_another_deployment():
    """Its id stays."""
    recording = recorded()
    triggers = recording.the("Deployment").inputs["triggers"]
    assert triggers["authorizer"] == recording.the("Authorizer").inputs["authorizerUri"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"tags": {"team": "shipyard"}}, {"keys": [{"id": "other", "sha256": "2c" * 32}]}, {"log_retention_days": 7}],
    ids=lambda changes: next(iter(changes), "nothing"),
)
def test_what_is_in_none_makes_none(changes: dict[str, object]):
    assert deployment(**changes) == deployment()


def test_a_deployment_has_all_that_it_is_a_copy_of():
    recording = recorded()
    made = {
        found.urn
        for kind in ("Integration", "IntegrationResponse", "RestApiPolicy", "Response")
        for found in recording.of_type(kind)
    }
    assert made <= recording.the("Deployment").dependencies


def test_the_accounts_role_for_logs_is_set_before_the_stage_or_was_there():
    recording = recorded()
    assert recording.the("Account").urn in recording.the("Stage").dependencies
    assert recording.the("RolePolicyAttachment").urn in recording.the("Account").dependencies
    assert recorded("REST API with a domain").of_type("Account") == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"timeout_seconds": 901}, "timeout_seconds = 901: must be an integer of at least 1 and at most 900"),
        ({"client_cidrs": ["0.0.0.0/0"]}, "is everybody; leave client_cidrs out instead"),
        ({"client_cidrs": ["office"]}, "must be a network, such as 203.0.113.0/24"),
        ({"client_cidrs": []}, "client_cidrs"),
        ({"custom_domain": {"domain_name": "LLM", "certificate_arn": "x"}}, "must be a domain name"),
        ({"custom_domain": {"domain_name": "a.example", "certificate_arn": "x"}}, "custom_domain.certificate_arn"),
        ({"throttle": {"requests_per_second": 20_000, "burst": 1}}, "throttle.requests_per_second = 20000"),
        ({"log_role": "mine"}, "log_role"),
        ({"region": "cn-north-1"}, "region"),
        ({"log_retention_days": 8}, "log_retention_days"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_api_gateway_would_refuse_is_refused_at_preview(changes: dict[str, object], problem: str):
    with pytest.raises(SpecError, match=re.escape(problem)):
        recorded(**changes)
