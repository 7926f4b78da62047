"""The alerts of one model's service, from what it promises. Pure, but for the file beside it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, cast

import yaml
from pydantic import Field

from moorage.kubernetes.autoscaler_queries import label_value
from moorage.kubernetes.manifest import Manifest
from moorage.spec.alert_thresholds import ServiceAlertThresholds
from moorage.spec.service_level import ServiceLevel

_LOST_WHILE_IN_USE = """
and max by (namespace) (
  max_over_time(moorage_gateway_upstream_endpoints_available{%{gateway}}[%{startup_seconds}s])) > 0
and sum by (namespace) (min_over_time(moorage_gateway_demand_requests{%{gateway}}[%{startup_seconds}s])) > 0
"""
"""Where engines may be at zero: that none is up is wrong only if there were some, and requests without a break."""
_FILE = Path(__file__).with_name("alert_rules.yaml")


class AlertThresholds(ServiceAlertThresholds):
    """And those of what Prometheus alone is told. As llm-d's where they say so."""

    p99_queue_seconds: float = Field(default=30, gt=0)
    kv_cache_usage_ratio: float = Field(default=0.9, gt=0, le=1)
    """As llm-d's."""


@dataclass(frozen=True)
class _Rule:
    alert: str
    expr: str
    severity: str
    summary: str
    holds: str


class _Inputs(Template):
    """`%{name}`, because Prometheus' own templates have `$`."""

    delimiter = "%"


def alert_rules(
    *,
    namespace: str,
    model: str,
    scales_to_zero: bool,
    service_level: ServiceLevel,
    thresholds: AlertThresholds,
    runbook_url: str,
) -> list[Manifest]:
    """As Prometheus has them; each links its section of `runbook_url`."""
    own = f'namespace="{label_value(namespace)}"'
    inputs = {
        **{name: _number(value) for name, value in thresholds.model_dump().items()},
        "p99_request_seconds": _number(service_level.p99_request_seconds),
        "namespaced": own,
        "gateway": own,
        "engine": f'{own},model_name="{label_value(model)}"',
    }
    condition = _Inputs(_LOST_WHILE_IN_USE).substitute(inputs).replace("\n", " ") if scales_to_zero else ""
    return [_rendered(rule, {**inputs, "and_lost_while_in_use": condition}, runbook_url) for rule in _rules()]


def _rendered(rule: _Rule, inputs: dict[str, str], runbook_url: str) -> Manifest:
    return {
        "alert": rule.alert,
        "expr": _Inputs(rule.expr).substitute(inputs),
        "for": rule.holds,
        "labels": {"severity": rule.severity},
        "annotations": {
            "summary": _Inputs(rule.summary).substitute(inputs),
            "runbook_url": f"{runbook_url}#{rule.alert.lower()}",
        },
    }


def _number(value: float) -> str:
    return f"{value:g}"


@cache
def _rules() -> tuple[_Rule, ...]:
    content = cast("list[dict[str, Any]]", yaml.safe_load(_FILE.read_text()))
    return tuple(_Rule(rule["alert"], rule["expr"], rule["severity"], rule["summary"], rule["for"]) for rule in content)
