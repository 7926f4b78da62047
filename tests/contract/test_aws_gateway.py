"""What ECS and the load balancer are told of gateways on AWS."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from .aws_answers import ACCOUNT_ID, REGION
from .aws_programs import VARIANTS, program
from .recording import Recording, run_program
from .stack_builds import ROOT, build
from .test_stacks import configuration_of

IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/moorage/serving"


def recorded(variant: str, **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def task(recording: Recording) -> dict[str, Any]:
    return recording.the("TaskDefinition").inputs


def container(recording: Recording) -> dict[str, Any]:
    (only,) = json.loads(task(recording)["containerDefinitions"])
    return only


def variables(recording: Recording, kind: str) -> dict[str, str]:
    return {
        pair["name"]: pair[{"environment": "value", "secrets": "valueFrom"}[kind]]
        for pair in container(recording)[kind]
    }


def statements(recording: Recording, policy: str) -> dict[str, Any]:
    (found,) = [found for found in recording.of_type("RolePolicy") if found.name == policy]
    return {statement["Sid"]: statement for statement in json.loads(found.inputs["policy"])["Statement"]}


@pytest.mark.parametrize("variant", ["gateway", "open gateway"])
def test_the_container_is_one_that_registertaskdefinition_takes(variant: str):
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    request = {"family": "harbour", "containerDefinitions": [container(recorded(variant))]}
    assert not ParamValidator().validate(request, shape).has_errors()
    known = set(model.shape_for("ContainerDefinition").members)
    assert set(request["containerDefinitions"][0]) <= known


def test_it_is_not_root_and_writes_nowhere_but_to_its_own_folder():
    inside = container(recorded("gateway"))
    assert inside["user"] == "10001:10001"
    assert inside["readonlyRootFilesystem"] is True
    assert inside["mountPoints"] == [{"sourceVolume": "tmp", "containerPath": "/tmp"}]  # noqa: S108 - in the task
    assert inside["linuxParameters"]["initProcessEnabled"] is True


def test_no_secret_is_in_the_task_definition_but_by_its_arn():
    recording = recorded("gateway")
    document = json.loads(variables(recording, "environment")["MOORAGE_GATEWAY_DOCUMENT"])
    assert document["redis_url_environment_variable"] == "MOORAGE_REDIS_URL"
    assert document["redis_url"] is None
    (key,) = document["keys"]
    assert set(key) == {"id", "sha256", "tenant"}
    assert "rediss://" not in task(recording)["containerDefinitions"]
    assert set(variables(recording, "secrets")) == {"MOORAGE_REDIS_URL"}


def test_another_address_of_the_cache_makes_new_tasks():
    """Which else would go on with the one that they started with, until somebody restarts them."""
    arn = variables(recorded("gateway"), "secrets")["MOORAGE_REDIS_URL"]
    assert arn.split(":secret:")[1].split(":")[1:] == ["", "", "0a1b2c3d-0000-4000-8000-000000000000"]


def test_ecs_may_pull_the_image_write_the_log_and_read_the_secret_that_the_task_needs():
    rights = statements(recorded("gateway"), "harbour-execution-policy")
    assert rights["Pull"]["Resource"] == [f"arn:aws:ecr:{REGION}:{ACCOUNT_ID}:repository/moorage/serving"]
    assert rights["WriteLog"]["Resource"] == [
        f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/moorage/harbour-1a2b3c4:*"
    ]
    (secret,) = rights["ReadSecrets"]["Resource"]
    assert secret.endswith("secret:harbour-redis-url")


def test_a_public_image_needs_no_right_of_a_registry():
    image = f"public.ecr.aws/moorage/serving@sha256:{'0' * 64}"
    assert set(statements(recorded("open gateway", image=image), "harbour-execution-policy")) == {"WriteLog"}


def test_what_the_gateways_may_is_there_before_them_and_after_them():
    recording = recorded("gateway")
    service = recording.the("Service")
    policies = {found.urn for found in recording.of_type("RolePolicy")}
    assert len(policies) == 2
    assert policies <= set(service.dependencies)


def test_a_version_that_does_not_become_healthy_is_taken_back():
    inputs = recorded("gateway").the("Service").inputs
    assert inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (inputs["deploymentMinimumHealthyPercent"], inputs["deploymentMaximumPercent"]) == (100, 200)
    assert inputs["availabilityZoneRebalancing"] == "ENABLED"
    assert inputs["enableExecuteCommand"] is False
    assert inputs["networkConfiguration"]["assignPublicIp"] is False


def test_pulumi_waits_for_as_long_as_a_gateway_may_keep_its_answers():
    """ECS lets them end before a service is as it was wanted, or gone: more than the provider's 20 minutes."""
    service = recorded("gateway", service_level={"p99_request_seconds": 3000.0}).the("Service")
    assert set(service.timeouts.values()) == {f"{20 * 60 + 3000 + 45}s"}
    assert set(service.timeouts) == {"create", "update", "delete"}


def test_a_target_is_healthy_as_long_as_the_gateway_serves():
    """ECS replaces a task whose target is not: one whose engine is still loading must be."""
    checked = recorded("public balancer").the("TargetGroup").inputs["healthCheck"]
    assert checked["path"] == "/health"
    assert container(recorded("gateway"))["healthCheck"]["command"][-1].count("/health") == 1


def test_metrics_and_probes_are_nobodys_outside():
    recording = recorded("public balancer")
    (default,) = recording.the("Listener").inputs["defaultActions"]
    assert default["type"] == "fixed-response"
    assert default["fixedResponse"]["statusCode"] == "404"
    assert json.loads(default["fixedResponse"]["messageBody"])["error"]["code"] == "unknown_url"
    rule = recording.the("ListenerRule").inputs
    assert rule["conditions"] == [{"pathPattern": {"values": ["/v1", "/v1/*"]}}]
    assert rule["actions"][0]["type"] == "forward"


def test_there_is_one_port_with_tls_and_no_log_of_what_was_asked():
    recording = recorded("public balancer")
    listener, balancer = recording.the("Listener").inputs, recording.the("LoadBalancer").inputs
    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    assert listener["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-")
    assert "accessLogs" not in balancer
    assert balancer["connectionLogs"]["enabled"] is True
    assert balancer["dropInvalidHeaderFields"] is True


def test_the_balancer_alone_of_this_account_writes_its_log():
    recording = recorded("public balancer")
    document = json.loads(recording.the("BucketPolicy").inputs["policy"])
    (deliver,) = [found for found in document["Statement"] if found["Effect"] == "Allow"]
    assert deliver["Condition"]["ArnLike"]["aws:SourceArn"] == (
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:loadbalancer/*"
    )
    assert deliver["Resource"][0].endswith(f"/AWSLogs/{ACCOUNT_ID}/*")


def test_a_balancer_of_the_network_has_no_address_outside_and_its_clients_are_the_networks():
    recording = recorded("balancer of the network")
    assert recording.the("LoadBalancer").inputs["internal"] is True
    clients = {
        found.inputs["cidrIpv4"]
        for found in recording.of_type("SecurityGroupIngressRule")
        if "cidrIpv4" in found.inputs
    }
    assert clients == {"10.0.0.0/16"}


def test_what_ecs_measures_is_encrypted_and_ends():
    """ECS would make a log group of the same name itself, with neither."""
    recording = recorded("cluster of ECS")
    (cluster,) = recording.of_type("Cluster")
    group = recording.the("LogGroup").inputs
    assert cluster.inputs["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    assert group["name"] == "/aws/ecs/containerinsights/harbour-cluster-1a2b3c4/performance"
    assert group["retentionInDays"] == 365
    policy = json.loads(recording.the("Key").inputs["policy"])
    (logs,) = [found for found in policy["Statement"] if "LogGroup" in found["Sid"]]
    arn = logs["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert arn.endswith(":log-group:/aws/ecs/containerinsights/harbour-cluster-*/performance")


def test_the_disks_key_is_for_tasks_of_this_cluster():
    policy = json.loads(recorded("cluster of ECS").the("Key").inputs["policy"])
    fargate = [found for found in policy["Statement"] if found["Principal"] == {"Service": "fargate.amazonaws.com"}]
    assert len(fargate) == 2
    for statement in fargate:
        condition = statement["Condition"]
        assert condition["StringEquals"] == {"kms:EncryptionContext:aws:ecs:clusterAccount": ACCOUNT_ID}
        assert condition["StringLike"] == {"kms:EncryptionContext:aws:ecs:clusterName": "harbour-cluster-*"}


def test_prompts_that_look_like_attacks_are_counted_and_not_blocked():
    rules = {rule["name"]: rule for rule in recorded("balancer with rules of its own").the("WebAcl").inputs["rules"]}
    assert set(rules) == {"rate", "reputation", "common", "bad-inputs"}
    for group in ("common", "bad-inputs"):
        overrides = rules[group]["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
        assert overrides
        assert {override["name"].rpartition("_")[2] for override in overrides} == {"BODY"}
        assert all(set(override["actionToUse"]) == {"count"} for override in overrides)
    assert set(rules["rate"]["action"]) == {"block"}


def test_no_sample_of_a_request_is_kept_for_it_has_the_clients_key():
    inputs = recorded("balancer with rules of its own").the("WebAcl").inputs
    configurations = [inputs["visibilityConfig"], *(rule["visibilityConfig"] for rule in inputs["rules"])]
    assert {found["sampledRequestsEnabled"] for found in configurations} == {False}


@pytest.mark.parametrize("variant", ["public balancer", "balancer with rules of its own"])
def test_an_access_list_is_before_the_balancer(variant: str):
    recording = recorded(variant)
    association = recording.the("WebAclAssociation").inputs
    assert association["resourceArn"].startswith("arn:aws:elasticloadbalancing:")
    assert association["webAclArn"].startswith("arn:aws:wafv2:")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"gateway": {"settings": {"admission": {"max_deadline_seconds": 5000}}}},
            "gateway.settings.admission: an answer may be silent for 5121 seconds",
        ),
        (
            {"load_balancer": {"public": True, "client_cidrs": ["203.0.113.0/24"]}},
            "load_balancer.certificate_arn = null: is missing; public gateways need it",
        ),
    ],
)
def test_what_no_balancer_does_is_refused_with_the_keys_of_the_stacks_file(changes: dict[str, object], problem: str):
    keys = configuration_of(ROOT / "stacks" / "Pulumi.aws-fargate-cpu.yaml")
    done = build({**keys, **{f"moorage:{name}": value for name, value in changes.items()}})
    assert done.returncode != 0
    assert problem in done.stderr


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://collector.example.com", []),
        ("https://collector.example.com:4318", [("0.0.0.0/0", None, 4318)]),
        ("http://10.20.0.9:4318", [("10.20.0.9/32", None, 4318)]),
        ("http://[fd00::9]", [(None, "fd00::9/128", 80)]),
    ],
)
def test_gateways_get_out_to_the_collector_of_their_traces(
    endpoint: str, allowed: list[tuple[str | None, str | None, int]]
):
    """By a name it is known to the gateway alone, and not to a security group."""
    rules = recorded("open gateway", settings={"telemetry": {"otlp_endpoint": endpoint}}).of_type(
        "SecurityGroupEgressRule"
    )
    assert [(rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6"), rule.inputs["toPort"]) for rule in rules] == (
        allowed
    )
