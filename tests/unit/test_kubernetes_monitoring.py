import json
import re

import pytest

from moorage.kubernetes.alert_rules import AlertThresholds, alert_rules
from moorage.kubernetes.gateway_objects import GatewayObjects
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.kubernetes.monitoring_objects import dashboards, pod_monitors
from moorage.spec import ServiceLevel

IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4


def rules(**thresholds: float) -> dict[str, str]:
    made = alert_rules(
        namespace="harbour",
        model="harbour",
        scales_to_zero=False,
        service_level=ServiceLevel(p99_request_seconds=30),
        thresholds=AlertThresholds.model_validate(thresholds),
        runbook_url="https://example.com/alerts.md",
    )
    return {rule["alert"]: " ".join(rule["expr"].split()) for rule in made}


def test_thresholds_are_inputs():
    assert "> 0.01 " in rules(error_ratio=0.01)["MoorageErrorRatioHigh"]
    assert "> 30 " in rules()["MoorageRequestsSlow"]
    assert "> 2.5 " in rules(p99_time_to_first_token_seconds=2.5)["MoorageTimeToFirstTokenHigh"]


@pytest.mark.parametrize("expr", rules().values(), ids=rules())
def test_every_series_is_of_the_stacks_own_namespace(expr: str):
    selectors = re.findall(r"[a-z_:]+\{([^}]*)\}", expr)
    assert selectors
    assert all('namespace="harbour"' in selector for selector in selectors)


def test_gateways_are_found_by_the_labels_and_the_port_of_their_pods():
    spec = GatewaySpec.model_validate({"image": IMAGE, "authentication": "none"})
    labels = GatewayObjects("gateway", "harbour", spec).metadata()["labels"]
    monitor = pod_monitors()["gateway"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert [endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]] == ["http"]


@pytest.mark.parametrize("name", dashboards())
def test_each_panel_asks_the_chosen_prometheus_for_the_chosen_namespace(name: str):
    panels = json.loads(dashboards()[name])["panels"]
    assert len(panels) == len({panel["id"] for panel in panels}) > 0
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all('namespace="$namespace"' in target["expr"] for target in panel["targets"])
