"""What CloudWatch's dashboard of a stack shows. Pure, but for the file beside it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

from moorage.aws.gateway_metrics import GATEWAY_METRICS, NAMESPACE
from moorage.aws.monitoring_spec import CloudWatchMonitoringSpec
from moorage.aws.monitoring_subjects import Dimensions, Inputs, Subject

_FILE = Path(__file__).with_name("dashboard.yaml")
# docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html: 24 columns.
_WIDTH = 24
_HEIGHT = 6
_ALARMS_HEIGHT = 3
_PERIOD_SECONDS = 60

Widget = dict[str, Any]


def dashboard_body(
    spec: CloudWatchMonitoringSpec, subjects: Mapping[str, Subject], alarm_arns: Sequence[pulumi.Input[str]]
) -> Widget:
    """The alarms' states first, then a widget for each kind of thing that is there. Values may be outputs."""
    overview: Widget = {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": _WIDTH,
        "height": _ALARMS_HEIGHT,
        "properties": {"title": "Alarms", "alarms": list(alarm_arns)},
    }
    shown = [row for row in _rows() if any(metric["of"] in subjects for metric in row["rows"])]
    return {
        "periodOverride": "inherit",
        "widgets": [overview, *(_widget(index, row, spec, subjects) for index, row in enumerate(shown))],
    }


def _widget(
    index: int, row: Mapping[str, Any], spec: CloudWatchMonitoringSpec, subjects: Mapping[str, Subject]
) -> Widget:
    properties: Widget = {
        "title": row["title"],
        "region": spec.region,
        "view": "timeSeries",
        "period": _PERIOD_SECONDS,
        "yAxis": {"left": {"min": 0}},
        "metrics": list(_metrics(row["rows"], subjects)),
    }
    if "limit" in row:
        limit = Inputs(row["limit"]).substitute({name: f"{value:g}" for name, value in spec.inputs().items()})
        properties["annotations"] = {"horizontal": [{"label": "alarm", "value": float(limit)}]}
    width = _WIDTH // 2
    place = {"x": index % 2 * width, "y": _ALARMS_HEIGHT + index // 2 * _HEIGHT, "width": width, "height": _HEIGHT}
    return {"type": "metric", **place, "properties": properties}


def _metrics(rows: Sequence[Mapping[str, str]], subjects: Mapping[str, Subject]) -> Iterator[list[Any]]:
    ids = count(1)
    for row in rows:
        if (subject := subjects.get(row["of"])) is not None:
            for dimensions in subject.dimensions:
                yield from _metric(row, subject, dimensions, next(ids))


def _metric(row: Mapping[str, str], subject: Subject, dimensions: Dimensions, number: int) -> Iterator[list[Any]]:
    label: pulumi.Input[str] = row["label"]
    if len(subject.dimensions) > 1:
        label = pulumi.Output.concat(row["label"], " ", list(dimensions.values())[-1])
    looked_up = [subject.namespace, row["metric"], *(part for item in dimensions.items() for part in item)]
    samples = _samples(subject.namespace, row["metric"]) if row["statistic"] == "Sum" else 1
    if samples == 1:
        yield [*looked_up, {"stat": row["statistic"], "label": label}]
        return
    yield [*looked_up, {"stat": row["statistic"], "id": f"m{number}", "visible": False}]
    yield [{"expression": f"m{number} / {samples}", "id": f"e{number}", "label": label}]


def _samples(namespace: str, name: str) -> int:
    """By which the sum over a period has to be divided."""
    own = {metric.name: metric for metric in GATEWAY_METRICS}
    return own[name].samples(_PERIOD_SECONDS) if namespace == NAMESPACE else 1


@cache
def _rows() -> tuple[Mapping[str, Any], ...]:
    return tuple(cast("list[dict[str, Any]]", yaml.safe_load(_FILE.read_text())))
