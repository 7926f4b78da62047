"""The stacks of ECS, as the program builds them on mocks: what they make, say, cost and refuse."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from .stack_builds import ROOT, build
from .test_stacks import configuration_of

FILES = {"ecs": ROOT / "stacks" / "Pulumi.aws-ecs.yaml", "fargate": ROOT / "stacks" / "Pulumi.aws-fargate-cpu.yaml"}
every_platform = pytest.mark.parametrize("platform", FILES)


def changed(platform: str, **changes: object) -> dict[str, object]:
    """The stack with other keys; a group's are merged into it."""
    keys = dict(configuration_of(FILES[platform]))
    for name, value in changes.items():
        given = keys.get(f"moorage:{name}", {})
        keys[f"moorage:{name}"] = {**given, **value} if isinstance(value, dict) else value
    return keys


def built(platform: str, **changes: object) -> SimpleNamespace:
    done = build(changed(platform, **changes))
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


def refused(platform: str, **changes: object) -> str:
    done = build(changed(platform, **changes))
    assert done.returncode != 0
    return done.stderr


@pytest.fixture(scope="module")
def stacks() -> dict[str, SimpleNamespace]:
    return {platform: built(platform) for platform in FILES}


def the(stack: SimpleNamespace, suffix: str, name: str = "engine") -> dict[str, Any]:
    (found,) = [
        found["inputs"]
        for found in stack.registrations
        if found["type"].endswith(f":{suffix}") and found["name"].startswith(name)
    ]
    return found


def container(stack: SimpleNamespace) -> dict[str, Any]:
    (found,) = json.loads(the(stack, "TaskDefinition")["containerDefinitions"])
    return found


def service(stack: SimpleNamespace) -> dict[str, Any]:
    return the(stack, "Service", "engine-service")


@every_platform
def test_its_gateways_find_all_engines_by_one_name(platform: str, stacks: dict[str, SimpleNamespace]):
    stack = stacks[platform]
    (gateway,) = json.loads(the(stack, "TaskDefinition", "gateway")["containerDefinitions"])
    values = {each["name"]: each["value"] for each in gateway["environment"]}
    (upstream,) = json.loads(values["MOORAGE_GATEWAY_DOCUMENT"])["upstreams"]
    assert (upstream["address"], upstream["discovery"]) == ("http://engines.engine.internal:8000", "dns")
    assert the(stack, "PrivateDnsNamespace")["name"] == "engine.internal"
    assert the(stack, "Service", "engine-registry")["dnsConfig"]["dnsRecords"][0]["type"] == "A"
    assert service(stack)["serviceRegistries"]["registryArn"].endswith("engine-registry")


def test_its_gateways_share_a_cache_of_nodes_or_a_serverless_one(stacks: dict[str, SimpleNamespace]):
    assert the(stacks["ecs"], "ReplicationGroup", "cache")["numCacheClusters"] == 2
    cache, user = (the(stacks["fargate"], kind, "cache") for kind in ("ServerlessCache", "User"))
    assert cache["subnetIds"] == the(stacks["fargate"], "Service", "gateway")["networkConfiguration"]["subnets"]
    assert user["accessString"].startswith("on ~moorage:* ")


@every_platform
def test_somebody_is_told_when_gateways_are_without_their_cache(platform: str, stacks: dict[str, SimpleNamespace]):
    stack = stacks[platform]
    (query,) = the(stack, "MetricAlarm", "monitoring-redis-unavailable")["metricQueries"]
    assert query["metric"]["metricName"] == "RedisAvailable"
    assert '"RedisAvailable"' in the(stack, "Dashboard", "monitoring")["dashboardBody"]


@every_platform
def test_only_gateways_reach_an_engine(platform: str, stacks: dict[str, SimpleNamespace]):
    ways_in = [
        found["inputs"]
        for found in stacks[platform].registrations
        if found["type"].endswith(":SecurityGroupIngressRule")
        and found["inputs"]["securityGroupId"] == "engine-tasks-id"
    ]
    assert [(way["referencedSecurityGroupId"], way["fromPort"]) for way in ways_in] == [
        ("gateway-tasks-group-id", 8000)
    ]


@every_platform
def test_an_engine_has_nothing_that_it_does_not_need(platform: str, stacks: dict[str, SimpleNamespace]):
    found = container(stacks[platform])
    assert found["readonlyRootFilesystem"] is True
    assert found["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert "privileged" not in found


def test_each_platform_has_shared_memory_in_its_own_words(stacks: dict[str, SimpleNamespace]):
    on_instances, on_fargate = (container(stacks[name])["linuxParameters"] for name in ("ecs", "fargate"))
    assert on_instances["sharedMemorySize"] == 2048
    assert "sharedMemorySize" not in on_fargate
    assert on_fargate["tmpfs"] == [{"containerPath": "/dev/shm", "size": 1024}]  # noqa: S108 - the task's own


@every_platform
def test_an_engine_is_killed_when_its_drain_is_over_and_judged_when_it_may_have_loaded(
    platform: str, stacks: dict[str, SimpleNamespace]
):
    found = container(stacks[platform])
    shutdown = int(found["command"][found["command"].index("--shutdown-timeout") + 1])
    assert found["stopTimeout"] == int(found["command"][0]) + shutdown + 15
    assert found["healthCheck"]["startPeriod"] == 300
    assert service(stacks[platform])["healthCheckGracePeriodSeconds"] >= 600


@every_platform
def test_engines_follow_what_the_gateways_say(platform: str, stacks: dict[str, SimpleNamespace]):
    stack = stacks[platform]
    tracking = the(stack, "Policy", "engine-demand")["targetTrackingScalingPolicyConfiguration"]
    demand, engines, each = tracking["customizedMetricSpecification"]["metrics"]
    assert demand["metricStat"]["metric"]["dimensions"] == [{"name": "Stack", "value": "moorage-contract"}]
    assert engines["metricStat"]["metric"]["metricName"] == "DesiredTaskCount"
    assert each["expression"] == "demand / 6 / engines"
    assert [metric["returnData"] for metric in (demand, engines, each)] == [False, False, True]
    running = container(stack)["command"]
    assert tracking["targetValue"] == int(running[running.index("--max-num-seqs") + 1]) / 2
    alarm = the(stack, "MetricAlarm", "engine-waiting")
    assert alarm["dimensions"] == {"Stack": "moorage-contract", "Upstream": "engine"}
    target = the(stack, "Target", "engine-scaling")
    keys = configuration_of(FILES[platform])["moorage:replicas"]
    assert (target["minCapacity"], target["maxCapacity"]) == (keys["min"], keys["max"])


@every_platform
def test_a_deployment_that_fails_is_taken_back(platform: str, stacks: dict[str, SimpleNamespace]):
    assert service(stacks[platform])["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert service(stacks[platform])["deploymentMinimumHealthyPercent"] == 100


def test_the_pool_has_room_for_every_engine_that_a_deployment_has(stacks: dict[str, SimpleNamespace]):
    stack = stacks["ecs"]
    most = the(stack, "Target", "engine-scaling")["maxCapacity"]
    group = the(stack, "Group", "gpu-group")
    assert group["maxSize"] >= most * service(stack)["deploymentMaximumPercent"] // 100
    assert group["mixedInstancesPolicy"]["instancesDistribution"]["onDemandBaseCapacity"] == 1


def test_an_engine_may_read_its_models_folder_and_nothing_else(stacks: dict[str, SimpleNamespace]):
    policies = [
        json.loads(found["inputs"]["policy"])
        for found in stacks["ecs"].registrations
        if found["type"].endswith(":RolePolicy") and found["name"].startswith("engine-task")
    ]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    assert {resource for statement in statements for resource in statement["Resource"]} == {
        "arn:aws:s3:::models-bucket",
        "arn:aws:s3:::models-bucket/qwen2.5-7b-instruct/*",
    }
    names = {found["name"] for found in stacks["fargate"].registrations if found["type"].endswith(":RolePolicy")}
    assert not {name for name in names if name.startswith("engine-task")}


def test_the_image_is_of_aws_own_and_looked_up_when_an_instance_starts(stacks: dict[str, SimpleNamespace]):
    template = the(stacks["ecs"], "LaunchTemplate", "gpu")
    assert template["imageId"].startswith("resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/")
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"


def test_the_preview_names_the_quotas_that_a_new_account_has_not(stacks: dict[str, SimpleNamespace]):
    said = "\n".join(stacks["ecs"].logged)
    assert "the pool may have 9 instances at once: they need 144 vCPUs of quota L-3819A6DF" in said
    assert "quota L-DB2E81BA" in said
    assert any("need 32 vCPUs and more of quota L-3032A538" in line for line in stacks["fargate"].logged)


def test_fargate_costs_what_its_tasks_cost(stacks: dict[str, SimpleNamespace]):
    """Two of 4 vCPUs and 8 GiB, and a GiB each of disk that is not free."""
    cost = stacks["fargate"].plain_outputs["estimated_cost"]["usd_per_hour"]
    assert cost == pytest.approx(2 * (4 * 0.04048 + 8 * 0.004445 + 2 * 0.000111), abs=1e-3)


@pytest.mark.parametrize(
    ("platform", "changes", "problem"),
    [
        ("ecs", {"pool": {"capacity_types": ["spot"]}}, "pool.capacity_types = spot: AWS can take all of them back"),
        ("ecs", {"pool": {"capacity_types": ["reservation"]}}, "others need the platform eks"),
        ("ecs", {"pool": {"max_nodes": 2}}, "pool.max_nodes = 2: must be 1, or the platform eks"),
        ("ecs", {"replicas": {"max": 9}}, "replicas.max = 9: gateways find engines by a name with at most 8 addresses"),
        ("ecs", {"replicas": {"min": 7}}, "replicas.max = 6: must be at least replicas.min = 7"),
        ("ecs", {"fargate": {"cpu": 2}}, "fargate: has no meaning with platform = ecs; remove it"),
        ("ecs", {"aws": {"administrators": {}}}, "aws.administrators: has no meaning with platform = ecs; remove it"),
        ("fargate", {"pool": {"max_nodes": 1}}, "pool: has no meaning with platform = fargate; remove it"),
        ("fargate", {"fargate": {"cpu": 3}}, "fargate.cpu = 3.0: must be one of 0.5, 1, 2, 4, 8, 16 vCPUs"),
        (
            "fargate",
            {"model_facts": {"parameter_count": 70_000_000_000}},
            "a task on Fargate has at most 120, and no GPU",
        ),
        ("fargate", {"service_level": {"p99_request_seconds": 100}}, "Fargate kills it after 120"),
    ],
)
def test_what_ecs_cannot_do_is_refused_with_the_way_out(platform: str, changes: dict[str, object], problem: str):
    said = refused(platform, **changes)
    assert problem in said


def test_a_region_without_the_instances_is_refused_with_those_that_have_them():
    said = refused("ecs", aws={"region": "mx-central-1", "availability_zones": ["mx-central-1a", "mx-central-1b"]})
    assert "aws.region = mx-central-1: has no instance with GPUs that is known" in said
    assert "g6.2xlarge, g5.2xlarge, g6.4xlarge, gr6.4xlarge would fit" in said
