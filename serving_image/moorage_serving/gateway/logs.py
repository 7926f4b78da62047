"""Logging: one JSON object per line on standard output. Nothing of a prompt or a completion is ever logged."""

from __future__ import annotations

import asyncio
import logging
import sys
from enum import StrEnum
from typing import BinaryIO, cast

import orjson
import structlog


class LogLevel(StrEnum):
    """From most to least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logging(level: LogLevel) -> None:
    """Send this package's and all libraries' log records through one JSON formatter."""
    number = logging.getLevelNamesMapping()[level.value.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=NamedLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda *a, **k: orjson.dumps(*a, **k).decode()),
            ],
            foreign_pre_chain=shared,
        )
    )
    # Below that, libraries tell what must not be told: the AWS SDK logs the session token with all that it signs.
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    # uvicorn's account of its own start and end; ours says the same.
    logging.getLogger("uvicorn.error").setLevel(max(number, logging.WARNING))


def write_line(line: bytes) -> None:
    """A line that is no log record, whatever the level."""
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


class TurnOutput:
    """Standard output, to which everything that one turn of the event loop writes goes in one system call."""

    def __init__(self) -> None:
        self._file = sys.stdout.buffer
        self._flushes_soon = False
        self.write = self._file.write

    def flush(self) -> None:
        """At the end of this turn; at once before the event loop, after it and in other threads."""
        if self._flushes_soon:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._file.flush()
        else:
            self._flushes_soon = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes_soon = False
        self._file.flush()


class NamedLoggerFactory:
    """Makes loggers for `structlog.get_logger(name)`."""

    def __init__(self) -> None:
        self._output = cast("BinaryIO", TurnOutput())

    def __call__(self, name: str) -> structlog.BytesLogger:
        return structlog.BytesLogger(self._output, name=name)
