"""Prometheus, as far as an autoscaler's queries need one: the last scrape of every target, and sums over it."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache

Labels = frozenset[tuple[str, str]]
_SERIES = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Prometheus:
    """A series ends with the first scrape of its target that does not have it, or that nobody answers."""

    def __init__(self) -> None:
        self.is_up = True
        self._scraped: dict[str, Mapping[str, float]] = {}
        self._answers: dict[str, float | None] = {}

    def scrape(self, target: str, samples: Mapping[str, float]) -> None:
        """`samples` by series, `name{label="value"}`; empty where the target does not answer."""
        if self.is_up and self._scraped.get(target) != samples:
            self._scraped[target] = samples
            self._answers.clear()

    def ask(self, query: str) -> float | None:
        """The one value; None without one, or while nobody answers.

        Knows `sum` of one selector, `+`, `*`, `/`, `clamp_min` and `or vector(0)`. Raises `ValueError` for all else.
        """
        if not self.is_up:
            return None
        if query not in self._answers:
            self._answers[query] = self._value(*_parsed(query))
        return self._answers[query]

    def _value(self, node: ast.expr, selectors: tuple[str, ...]) -> float | None:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.BoolOp(op=ast.Or(), values=[first, second]):
                value = self._value(first, selectors)
                return self._value(second, selectors) if value is None else value
            case ast.BinOp(left=left, op=how, right=right) if type(how) in _OPERATORS:
                return _combined(_OPERATORS[type(how)], self._value(left, selectors), self._value(right, selectors))
            case ast.Call(func=ast.Name(id="clamp_min"), args=[inner, least]):
                return _combined(max, self._value(inner, selectors), self._value(least, selectors))
            case ast.Call(func=ast.Name(id="vector"), args=[inner]):
                return self._value(inner, selectors)
            case ast.Call(func=ast.Name(id="sum"), args=[ast.Constant(value=str(index))]):
                return self._sum(selectors[int(index)])
            case _:
                raise ValueError(f"{ast.unparse(node)}: is not known of PromQL")

    def _sum(self, selector: str) -> float | None:
        found = [
            value
            for samples in self._scraped.values()
            for series, value in samples.items()
            if _matches(series, selector)
        ]
        return sum(found) if found else None


@cache
def _parsed(query: str) -> tuple[ast.expr, tuple[str, ...]]:
    """Without its selectors, which are numbered, PromQL of this kind is an expression of Python's."""
    selectors: list[str] = []

    def number(match: re.Match[str]) -> str:
        selectors.append(match.group())
        return f'"{len(selectors) - 1}"'

    return ast.parse(_SERIES.sub(number, query), mode="eval").body, tuple(selectors)


def _combined(how: Callable[[float, float], float], left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else how(left, right)


@cache
def _matches(series: str, selector: str) -> bool:
    (name, labels), (wanted_name, wanted) = _named(series), _named(selector)
    return name == wanted_name and wanted <= labels


def _named(series: str) -> tuple[str, Labels]:
    match = _SERIES.fullmatch(series)
    if match is None:
        raise ValueError(f'{series}: must be name{{label="value",…}}')
    return match[1], frozenset(_LABEL.findall(match[2]))
