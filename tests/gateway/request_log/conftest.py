"""A folder that keeps records, and logs that are closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.request_log.metrics import RequestLogMetrics
from moorage_serving.gateway.request_log.pattern_redactor import PatternRedactor
from moorage_serving.gateway.request_log.request_log import RequestLog
from moorage_serving.gateway.request_log.sink import FolderSink

from .keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "log")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def open_log(registry: CollectorRegistry) -> Iterator[Callable[..., RequestLog]]:
    opened: list[RequestLog] = []

    def open_one(sink: object, **changed: object) -> RequestLog:
        settings: dict[str, object] = {"tenants": ["listed"], "sample_ratio": 1.0, "retention_days": 30} | changed
        opened.append(
            RequestLog(
                sink=sink,  # type: ignore[arg-type]
                key_ring=KEYS,
                redactor=PatternRedactor(),
                metrics=RequestLogMetrics(registry),
                **settings,  # type: ignore[arg-type]
            )
        )
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()
