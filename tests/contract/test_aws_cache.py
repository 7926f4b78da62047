"""What `ElastiCacheValkey` makes of its arguments."""

from typing import Any

import pytest

from moorage.aws.cache_node_type import cache_node_types
from moorage.aws.serverless_cache import ACCESS_STRING
from moorage.planner.cache_memory import needed_memory_mib
from moorage.spec import SpecError

from .aws_programs import VARIANTS, program
from .recording import Secret, run_program, value_of


def nodes(variant: str, **changes: object) -> dict[str, Any]:
    _, recording = run_program(program(VARIANTS[variant], **changes))
    (found,) = recording.of_type("ReplicationGroup")
    return found.inputs


def test_nobody_connects_without_tls_and_a_password():
    inputs = nodes("cache")
    assert (inputs["transitEncryptionEnabled"], inputs["transitEncryptionMode"]) == (True, "required")
    assert inputs["authToken"]


def test_only_those_who_are_named_reach_it():
    _, recording = run_program(program(VARIANTS["cache"]))
    rules = recording.of_type("SecurityGroupIngressRule")
    assert {rule.inputs["referencedSecurityGroupId"] for rule in rules} == {
        "sg-0123456789abcdef0",
        "sg-0123456789abcdef1",
    }
    assert {(rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules} == {(6379, 6379)}
    assert recording.of_type("SecurityGroupEgressRule") == []


def test_a_replica_is_in_another_zone_and_takes_over():
    inputs = nodes("cache", replicas=1)
    assert (inputs["numCacheClusters"], inputs["multiAzEnabled"], inputs["automaticFailoverEnabled"]) == (2, True, True)


def test_one_node_has_nothing_to_fail_over_to():
    inputs = nodes("cache of one node")
    assert (inputs["numCacheClusters"], inputs["multiAzEnabled"], inputs["automaticFailoverEnabled"]) == (
        1,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("memory_mib", "node_type"),
    [(None, "cache.t4g.micro"), (256, "cache.t4g.micro"), (257, "cache.t4g.small"), (4000, "cache.m7g.large")],
)
def test_the_smallest_node_that_holds_it_is_taken(memory_mib: int | None, node_type: str):
    assert nodes("cache of one node", memory_mib=... if memory_mib is None else memory_mib)["nodeType"] == node_type


def test_answers_of_all_tenants_find_room():
    settings = {"cache": {"max_tenant_bytes": 2**30}, "tenants": [{"id": "harbour"}, {"id": "pilots"}]}
    chosen = nodes("cache", settings=settings, memory_mib=...)["nodeType"]
    (data_mib,) = {known.data_mib for known in cache_node_types() if known.node_type == chosen}
    smaller = [known.data_mib for known in cache_node_types() if known.data_mib < data_mib]
    assert max(smaller) < needed_memory_mib(settings) <= data_mib


def test_nothing_that_is_counted_is_evicted():
    _, recording = run_program(program(VARIANTS["cache of one node"]))
    (group,) = recording.of_type("ParameterGroup")
    parameters = {parameter["name"]: parameter["value"] for parameter in group.inputs["parameters"]}
    assert parameters == {"maxmemory-policy": "noeviction", "reserved-memory-percent": "50"}


def serverless(**changes: object) -> dict[str, Any]:
    _, recording = run_program(program(VARIANTS["serverless cache"], **changes))
    (found,) = recording.of_type("ServerlessCache")
    assert recording.of_type("ReplicationGroup") == []
    return found.inputs


@pytest.mark.parametrize(
    ("settings", "memory_mib", "gigabytes"),
    [(..., ..., 1), ({"cache": {"max_tenant_bytes": 2**30}}, ..., 2), (..., 3000, 4), (..., 4_768_371, 5000)],
)
def test_a_serverless_cache_stores_what_tenants_may_and_no_more(settings: object, memory_mib: object, gigabytes: int):
    limits = serverless(settings=settings, memory_mib=memory_mib)["cacheUsageLimits"]
    assert limits == {"dataStorage": {"maximum": gigabytes, "unit": "GB"}}


def test_a_serverless_cache_lets_in_one_user_with_a_password_for_the_gateways_keys():
    _, recording = run_program(program(VARIANTS["serverless cache"]))
    (user,), (group,) = recording.of_type("User"), recording.of_type("UserGroup")
    (cache,) = recording.of_type("ServerlessCache")
    assert user.inputs["userName"] == "default"
    assert isinstance(user.inputs["passwords"], Secret) or user.inputs["passwords"]
    assert user.inputs["accessString"] == ACCESS_STRING
    assert "noPasswordRequired" not in user.inputs
    assert group.inputs["userIds"] == [user.inputs["userId"]]
    assert cache.inputs["userGroupId"] == group.inputs["userGroupId"]


def test_a_serverless_cache_is_reached_through_its_firewall_alone():
    _, recording = run_program(program(VARIANTS["serverless cache"]))
    (cache,) = recording.of_type("ServerlessCache")
    (group,) = recording.of_type("SecurityGroup")
    assert cache.inputs["securityGroupIds"] == [f"{group.name}-id"]
    assert cache.inputs["subnetIds"] == ["subnet-a", "subnet-b"]


def test_the_address_of_a_serverless_cache_is_used_as_that_of_nodes_is():
    cache, _ = run_program(program(VARIANTS["serverless cache"]))
    url = value_of(cache.url)
    assert isinstance(url, Secret)
    address = "harbour-s-abc123.serverless.euc1.cache.amazonaws.com"
    assert url.value == f"rediss://:harbour-password-plaintext@{address}:6379/0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replicas": 1}, "replicas = 1: has no meaning with serverless = true"),
        ({"memory_mib": 4_768_372}, "memory_mib = 4768372: must be at most 4768371, which a serverless cache holds"),
    ],
)
def test_what_no_serverless_cache_has_is_refused(changes: dict[str, object], message: str):
    with pytest.raises(SpecError, match=message):
        serverless(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_mib": 100}, "must be at least 1754, which the caches"),
        ({"memory_mib": 10**6}, "must be at most 321865, which the largest node holds"),
        ({"replicas": 6}, "replicas = 6"),
    ],
)
def test_what_no_node_holds_is_refused(changes: dict[str, object], message: str):
    with pytest.raises(SpecError, match=message):
        nodes("cache", **changes)


def test_the_address_is_a_secret_with_the_password_in_it():
    cache, _ = run_program(program(VARIANTS["cache"]))
    url = value_of(cache.url)
    assert isinstance(url, Secret)
    assert url.value == ("rediss://:harbour-password-plaintext@master.harbour-v.abc123.euc1.cache.amazonaws.com:6379/0")
