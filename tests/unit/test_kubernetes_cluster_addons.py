import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from moorage.kubernetes.addon_charts import addon_charts
from moorage.kubernetes.addon_values import (
    device_plugin_values,
    keda_values,
    leader_worker_set_values,
    prometheus_values,
)
from moorage.kubernetes.placement import gpu_pool_placement

CHART_KEYS = json.loads((Path(__file__).parent / "golden" / "addon_chart_keys.json").read_text())
VALUES = {
    "keda": keda_values(),
    "prometheus": prometheus_values("gp3", "grafana-admin"),
    "device-plugin": device_plugin_values(None),
    "leader-worker-set": leader_worker_set_values(),
}
every_addon = pytest.mark.parametrize("addon", VALUES)


def unknown_keys(ours: Mapping[str, Any], charts: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Of what the chart leaves open, such as the fields of Kubernetes' own objects, nothing is looked at."""
    for key, value in ours.items():
        if key not in charts:
            yield f"{path}{key}"
        elif charts[key] is not None:
            assert isinstance(value, Mapping), f"{path}{key} is no mapping"
            yield from unknown_keys(value, charts[key], f"{path}{key}.")


@every_addon
def test_every_key_that_is_set_is_one_of_the_charts_own(addon: str):
    assert list(unknown_keys(VALUES[addon], CHART_KEYS[addon]["keys"])) == []


def test_a_key_that_no_chart_has_is_found():
    wrong = {"operator": {"replicas": 2}, "servce": {}}
    assert list(unknown_keys(wrong, CHART_KEYS["keda"]["keys"])) == ["operator.replicas", "servce"]


def test_every_chart_is_pinned_and_says_where_its_version_is_from():
    assert set(addon_charts()) == set(VALUES)
    for chart in addon_charts().values():
        assert chart.version.replace(".", "").isdigit()
        assert chart.source.startswith("github.com/")
        assert chart.chart.startswith("oci://") != chart.repository.startswith("https://")


def resources(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "requests" in value and "limits" in value:
            yield value
        for part in value.values():
            yield from resources(part)


@every_addon
def test_what_it_takes_of_nodes_is_said_and_its_memory_is_limited(addon: str):
    found = list(resources(VALUES[addon]))
    assert found
    for one in found:
        assert set(one["requests"]) == {"cpu", "memory"}
        assert "memory" in one["limits"]


def test_prometheus_takes_up_every_monitor_and_rule_of_the_cluster():
    chosen = VALUES["prometheus"]["prometheus"]["prometheusSpec"]
    for kind in ("podMonitor", "serviceMonitor", "probe", "rule", "scrapeConfig"):
        assert chosen[f"{kind}SelectorNilUsesHelmValues"] is False


def test_metrics_never_fill_their_volume():
    for storage_class_name in (None, "gp3"):
        spec = prometheus_values(storage_class_name, "admin")["prometheus"]["prometheusSpec"]
        storage = spec["storageSpec"]
        size = (
            storage["emptyDir"]["sizeLimit"]
            if storage_class_name is None
            else storage["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]
        )
        assert int(spec["retentionSize"].removesuffix("GiB")) < int(size.removesuffix("Gi"))


def test_nobody_is_let_into_grafana_by_a_password_that_is_known():
    grafana = VALUES["prometheus"]["grafana"]
    assert grafana["admin"]["existingSecret"] == "grafana-admin"
    assert "adminPassword" not in grafana


def test_no_addon_reads_the_secrets_of_the_cluster_where_its_chart_gives_a_choice():
    assert all(part["restrict"]["secret"] for part in VALUES["keda"]["permissions"].values())
    assert "secrets" not in VALUES["prometheus"]["kube-state-metrics"]["collectors"]
    sidecar = VALUES["prometheus"]["grafana"]["sidecar"]
    assert {sidecar["dashboards"]["resource"], sidecar["datasources"]["resource"]} == {"configmap"}


def test_the_device_plugin_is_on_every_pool_of_ours_and_tolerates_its_taint():
    values = device_plugin_values(None)
    assert values["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert node_expressions(values) == [{"key": "moorage.dev/gpu-pool", "operator": "Exists"}]


def test_the_device_plugin_is_where_the_engines_are():
    values = device_plugin_values(gpu_pool_placement("l4", "elastic"))
    assert values["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert node_expressions(values) == [{"key": "moorage.dev/gpu-pool", "operator": "In", "values": ["l4"]}]


def node_expressions(values: Mapping[str, Any]) -> object:
    required = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    return term["matchExpressions"]
