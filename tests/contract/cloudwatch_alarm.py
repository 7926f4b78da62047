"""What CloudWatch makes of an alarm on given series: as much of its metric math as our alarms use.

docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html and alarm-evaluation.html (read
2026-11-25). A missing value makes the result of every operation missing, but for FILL; so does a division by zero.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Minutes = Sequence[Sequence[float]]
"""What was told in each minute, oldest first; nothing in an empty one."""
Series = Mapping[tuple[str, str], Minutes]
"""By the metric's name, and the value of the dimension that tells it from others."""

OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}
BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}


def is_in_alarm(alarm: Mapping[str, Any], series: Series) -> bool | None:
    """After the last minute. None: it stays as it is."""
    # The newest first.
    periods = [_value(alarm, series, back) for back in range(int(alarm["evaluationPeriods"]))]
    known = [value for value in periods if value is not None]
    missing = len(periods) - len(known)
    treatment = alarm["treatMissingData"]
    if treatment == "ignore" and not known:
        return None
    breaching = sum(BREACHES[alarm["comparisonOperator"]](value, alarm["threshold"]) for value in known)
    return breaching + (missing if treatment == "breaching" else 0) >= alarm["datapointsToAlarm"]


def _value(alarm: Mapping[str, Any], series: Series, periods_back: int) -> float | None:
    values: dict[str, float | None] = {}
    for query in alarm["metricQueries"]:
        if "metric" in query:
            values[query["id"]] = _statistic(query["metric"], series, periods_back)
    (result,) = [query for query in alarm["metricQueries"] if query["returnData"]]
    if "expression" not in result:
        return values[result["id"]]
    return _evaluated(ast.parse(result["expression"], mode="eval").body, values)


def _statistic(metric: Mapping[str, Any], series: Series, periods_back: int) -> float | None:
    keys = [(metric["metricName"], value) for value in metric["dimensions"].values()]
    minutes = next((series[key] for key in keys if key in series), ())
    length = int(metric["period"]) // 60
    end = len(minutes) - periods_back * length
    values = sorted(value for minute in minutes[max(0, end - length) : max(0, end)] for value in minute)
    if not values:
        return None
    match metric["stat"]:
        case "Sum":
            return sum(values)
        case "SampleCount":
            return len(values)
        case "Minimum":
            return values[0]
        case "Maximum":
            return values[-1]
        case percentile:
            return values[math.ceil(float(percentile.removeprefix("p")) / 100 * len(values)) - 1]


def _evaluated(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=float() | int() as value):
            return float(value)
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
            value = _evaluated(series, values)
            return _evaluated(filler, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            decided = _evaluated(condition, values)
            return None if decided is None else _evaluated(then if decided else otherwise, values)
        case (
            ast.BinOp(left=left, op=operation, right=right)
            | ast.Compare(left=left, ops=[operation], comparators=[right])
        ):
            one, other = _evaluated(left, values), _evaluated(right, values)
            if one is None or other is None or (isinstance(operation, ast.Div) and other == 0):
                return None
            return float(OPERATORS[type(operation)](one, other))
    raise AssertionError(f"no metric math that is known here: {ast.unparse(node)}")
