from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kubernetes_pods import assert_restricted

from moorage.kubernetes.cache_objects import CacheObjects, valkey_configuration
from moorage.kubernetes.cache_spec import CacheSpec
from moorage.planner.cache_memory import needed_memory_mib
from moorage.spec import SpecError
from moorage.spec.parsing import parse

IMAGE = "valkey/valkey@sha256:" + "0123456789abcdef" * 4


def spec(**changes: Any) -> CacheSpec:
    return parse(CacheSpec, {"image": IMAGE, **changes}, "")


def objects(**changes: Any) -> CacheObjects:
    return CacheObjects("cache", "harbour", spec(**changes))


def pod(**changes: Any) -> dict[str, Any]:
    return objects(**changes).stateful_set("cache-configuration")["spec"]["template"]["spec"]


def test_its_pod_is_restricted():
    assert_restricted(pod())
    assert_restricted(pod(storage_gib=8))


def test_no_secret_is_on_a_command_line_or_in_the_pod():
    (container,) = pod()["containers"]
    assert container["command"] == ["valkey-server", "/etc/valkey/valkey.conf"]
    assert container["env"] == [
        {"name": "REDISCLI_AUTH", "valueFrom": {"secretKeyRef": {"name": "cache-configuration", "key": "password"}}}
    ]


@pytest.mark.parametrize(
    ("settings", "mib"),
    [
        ({}, 64),
        ({"cache": {}}, 170),
        ({"cache": {"max_tenant_bytes": 2**20}, "tenants": [{"id": "a"}, {"id": "b"}]}, 69),
        ({"cache": None, "tenants": [{"id": "a"}]}, 64),
    ],
)
def test_its_memory_follows_from_what_tenants_may_store(settings: dict[str, Any], mib: int):
    assert needed_memory_mib(settings) == mib
    assert spec(settings=settings).max_memory_mib == mib


def test_a_key_without_a_tenant_is_one_more():
    keys = [{"id": "web", "sha256": "0" * 64}, {"id": "jobs", "sha256": "1" * 64, "tenant": "a"}]
    settings: Any = {"cache": {"max_tenant_bytes": 10 * 2**20}, "tenants": [{"id": "a"}], "keys": keys}
    assert needed_memory_mib(settings) == 64 + 50


def test_less_memory_than_tenants_may_fill_is_refused():
    with pytest.raises(SpecError, match=r"memory_mib = 128: must be at least 170, which the caches of all tenants"):
        spec(settings={"cache": {}}, memory_mib=128)


@given(st.integers(64, 1_000_000), st.none() | st.integers(1, 100))
def test_the_pod_has_room_for_more_than_it_stores(memory_mib: int, storage_gib: int | None):
    made = spec(memory_mib=memory_mib, storage_gib=storage_gib)
    assert made.pod_memory_mib >= made.max_memory_mib * (1.25 if storage_gib is None else 2)


def test_nothing_is_evicted_in_silence():
    assert "maxmemory 64mb\nmaxmemory-policy noeviction\n" in valkey_configuration(spec(), "password")


def test_nothing_is_written_to_disk_unless_there_is_a_volume():
    assert "appendonly no" in valkey_configuration(spec(), "password")
    assert "volumeClaimTemplates" not in objects().stateful_set("s")["spec"]
    assert "appendonly yes" in valkey_configuration(spec(storage_gib=8), "password")
    (claim,) = objects(storage_gib=8).stateful_set("s")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "8Gi"}
    assert claim["metadata"]["name"] in {mount["name"] for mount in pod(storage_gib=8)["containers"][0]["volumeMounts"]}


def test_there_is_one_and_never_two_of_it():
    made = objects().stateful_set("s")["spec"]
    assert made["replicas"] == 1
    assert made["selector"]["matchLabels"] == objects().service()["spec"]["selector"]
    assert made["selector"]["matchLabels"].items() <= made["template"]["metadata"]["labels"].items()
