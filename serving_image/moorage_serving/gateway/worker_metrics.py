"""One set of metrics out of all workers of a gateway."""

from __future__ import annotations

import asyncio
import contextlib
from operator import add
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Series = tuple[str, tuple[tuple[str, str], ...]]
READ_SECONDS = 1.0
# What all workers have in common, or what names a moment, is not added up.
NOT_SUMMED_ENDINGS = ("_info", "_timestamp_seconds", "_start_time_seconds", "_available", "_held")


class WorkerMetrics:
    """Tells the other workers, on a Unix socket of this one's own, what this one counts, and asks them."""

    def __init__(self, path: Path, render: Callable[[], bytes]) -> None:
        self._path = path
        self._render = render
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Takes the place of a worker that has died."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._answer, self._path)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def gather(self) -> bytes:
        """The text exposition of all workers that answer within a second."""
        paths = sorted(self._path.parent.glob("*.sock"))
        texts = await asyncio.gather(*(read_all(path) for path in paths))
        return generate_latest(Merged([text for text in texts if text is not None]))  # pyright: ignore[reportArgumentType] - reads `collect` alone

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(self._render())
            await writer.drain()
        writer.close()


async def read_all(path: Path) -> str | None:
    """What one worker tells; None when it does not."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return (await reader.read()).decode()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


class Merged(Collector):
    """Sums of several text expositions; the largest value of what cannot be summed."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        values: dict[str, dict[Series, float]] = {}
        for text in self._texts:
            for family in text_string_to_metric_families(text):
                families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                join = max if family.name.endswith(NOT_SUMMED_ENDINGS) else add
                series = values.setdefault(family.name, {})
                for sample in family.samples:
                    key = (sample.name, tuple(sample.labels.items()))
                    series[key] = join(series[key], sample.value) if key in series else sample.value
        for name, family in families.items():
            for (sample_name, labels), value in values[name].items():
                family.add_sample(sample_name, dict(labels), value)
            yield family
        yield GaugeMetricFamily("moorage_gateway_workers", "Processes of this gateway that answer.", len(self._texts))
