"""What Prometheus' operator and Grafana's sidecar are told. Pure."""

import json
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from moorage.kubernetes.labels import component_selector
from moorage.kubernetes.manifest import Manifest

_DASHBOARDS = Path(__file__).with_name("dashboards")
GRAFANA_LABEL = {"grafana_dashboard": "1"}
"""What the sidecar of Grafana's chart looks for (github.com/grafana/helm-charts, charts/grafana/values.yaml,
sidecar.dashboards.label; read 2026-11-25)."""
PROMETHEUS_NAMESPACE = "monitoring"
"""Where it is installed, and so where its requests come from."""
_GATEWAY_SECONDS, _ENGINE_SECONDS = 5, 10
"""Between two looks. The gateways' demand starts engines from zero: nobody is to wait for Prometheus too."""


def pod_monitors() -> dict[str, Manifest]:
    """Their specs by component (prometheus-operator 0.85, monitoring.coreos.com/v1)."""
    return {
        component: {
            "selector": {"matchLabels": component_selector(component)},
            "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "interval": f"{seconds}s"}],
        }
        for component, seconds in (("gateway", _GATEWAY_SECONDS), ("engine", _ENGINE_SECONDS))
    }


@cache
def dashboards() -> dict[str, str]:
    """Grafana's JSON by file name."""
    return {
        path.name: json.dumps(json.loads(path.read_text()), indent=1) for path in sorted(_DASHBOARDS.glob("*.json"))
    }


def dashboard_url(grafana_url: str, namespace: str) -> str:
    """Of the service's dashboard, for this namespace; empty where Grafana's address is."""
    if not grafana_url:
        return ""
    uid = json.loads(dashboards()["service.json"])["uid"]
    return f"{grafana_url.rstrip('/')}/d/{uid}?{urlencode({'var-namespace': namespace})}"
