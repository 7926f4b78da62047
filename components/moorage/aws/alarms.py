"""The alarms of one stack, from what it promises. Pure, but for the file beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from moorage.aws.monitoring_spec import CloudWatchMonitoringSpec
from moorage.aws.monitoring_subjects import Dimensions, Inputs, Subject

_FILE = Path(__file__).with_name("alarms.yaml")
# Of the result of an expression; a metric's own id begins with a lowercase letter, too.
EXPRESSION_ID = "alarm"


@dataclass(frozen=True)
class AlarmMetric:
    """What CloudWatch looks up."""

    id: str
    namespace: str
    name: str
    statistic: str
    dimensions: Dimensions


@dataclass(frozen=True)
class Alarm:
    """As CloudWatch has it. Without an `expression` there is one metric."""

    name: str
    description: str
    metrics: tuple[AlarmMetric, ...]
    expression: str | None
    comparison_operator: str
    threshold: float
    period_seconds: int
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing_data: str


def alarms(spec: CloudWatchMonitoringSpec, subjects: Mapping[str, Subject]) -> list[Alarm]:
    """Those for which there is everything that they look at; each links its section of the runbook."""
    return [_alarm(row, spec, subjects) for row in _rows() if _is_wanted(row, spec, subjects)]


def _is_wanted(row: Mapping[str, Any], spec: CloudWatchMonitoringSpec, subjects: Mapping[str, Subject]) -> bool:
    needed = {metric["of"] for metric in row["metrics"].values()} | {row.get("where", "gateway")}
    return needed <= subjects.keys() and not (spec.scales_to_zero and row.get("unless_scaled_to_zero", False))


def _alarm(row: Mapping[str, Any], spec: CloudWatchMonitoringSpec, subjects: Mapping[str, Subject]) -> Alarm:
    least_requests = spec.thresholds.least_requests_per_second * row["period_seconds"]
    inputs = {name: f"{value:g}" for name, value in {**spec.inputs(), "least_requests": least_requests}.items()}
    metrics = {name: _metrics(name, metric, subjects[metric["of"]]) for name, metric in row["metrics"].items()}
    periods = int(_rendered(row["periods"], inputs))
    return Alarm(
        name=row["alarm"],
        description=_description(row, inputs, spec.runbook_url),
        metrics=tuple(found for several in metrics.values() for found in several),
        expression=_expression(_rendered(row.get("expression", next(iter(metrics))), inputs), metrics),
        comparison_operator=row["breaches"],
        threshold=float(_rendered(row["threshold"], inputs)),
        period_seconds=row["period_seconds"],
        evaluation_periods=periods,
        datapoints_to_alarm=row.get("breaching_periods", periods),
        treat_missing_data=row["missing"],
    )


def _description(row: Mapping[str, Any], inputs: Mapping[str, str], runbook_url: str) -> str:
    return f"{row['severity']}: {_rendered(row['summary'], inputs)}. {runbook_url}#{row['alarm'].lower()}"


def _metrics(name: str, metric: Mapping[str, str], subject: Subject) -> list[AlarmMetric]:
    """One, or one for each of several."""
    ids = [name] if len(subject.dimensions) == 1 else [f"{name}{index}" for index in range(len(subject.dimensions))]
    return [
        AlarmMetric(found, subject.namespace, metric["metric"], metric["statistic"], dimensions)
        for found, dimensions in zip(ids, subject.dimensions, strict=True)
    ]


def _expression(expression: str, metrics: Mapping[str, list[AlarmMetric]]) -> str | None:
    """Several of one kind are added up. One metric alone needs none."""
    for name, several in metrics.items():
        if len(several) > 1:
            expression = re.sub(rf"\b{name}\b", f"({' + '.join(found.id for found in several)})", expression)
    return None if expression in metrics else expression


def _rendered(template: object, inputs: Mapping[str, str]) -> str:
    return Inputs(str(template)).substitute(inputs)


@cache
def _rows() -> tuple[Mapping[str, Any], ...]:
    return tuple(cast("list[dict[str, Any]]", yaml.safe_load(_FILE.read_text())))
