"""The thread that redacts, encrypts and stores, beside the event loop."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.request_log.entry import make_entry
from moorage_serving.gateway.request_log.object_name import NO_SUBJECT, new_name
from moorage_serving.gateway.request_log.retention import delete_expired
from moorage_serving.gateway.request_log.sealed_object import seal

if TYPE_CHECKING:
    from moorage_serving.gateway.request_log.document_redaction import DocumentRedaction
    from moorage_serving.gateway.request_log.key_ring import KeyRing
    from moorage_serving.gateway.request_log.metrics import RequestLogMetrics
    from moorage_serving.gateway.request_log.recording import Recording
    from moorage_serving.gateway.request_log.sink import Sink

log = structlog.get_logger("request_log")
MAX_QUEUED = 64  # times 256 KiB of texts: 16 MiB
EXPIRE_INTERVAL_SECONDS = 600.0
# Redacting holds the interpreter's lock, which the event loop needs: rest three times as long as working.
REST_PER_WORK = 3.0


class Writer:
    """Takes recordings as long as its queue has room."""

    def __init__(
        self,
        sink: Sink,
        key_ring: KeyRing,
        redaction: DocumentRedaction,
        retention_days: int,
        metrics: RequestLogMetrics,
    ) -> None:
        self._sink = sink
        self._key_ring = key_ring
        self._redaction = redaction
        self._retention_days = retention_days
        self._metrics = metrics
        self._queue: queue.Queue[Recording] = queue.Queue(MAX_QUEUED)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    def take(self, recording: Recording) -> None:
        """Queue a recording, or drop and count it. Never waits."""
        if recording.is_too_large:
            self._metrics.dropped_too_large.inc()
            return
        try:
            self._queue.put_nowait(recording)
        except queue.Full:
            self._metrics.dropped_queue_full.inc()

    def close(self, timeout_seconds: float) -> None:
        """Write what is queued, within the time; blocks until then."""
        self._closing.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        expire_at = 0.0
        while not (self._closing.is_set() and self._queue.empty()):
            if time.monotonic() >= expire_at:
                self._expire()
                expire_at = time.monotonic() + EXPIRE_INTERVAL_SECONDS
            try:
                recording = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            began = time.thread_time()
            self._write(recording)
            self._closing.wait(REST_PER_WORK * (time.thread_time() - began))

    def _write(self, recording: Recording) -> None:
        try:
            entry = make_entry(recording, self._redaction)
            key = self._key_ring.current
            prefix = NO_SUBJECT if entry.subject is None else key.subject_hash(entry.subject)
            name = new_name(prefix, int(time.time()))
            self._sink.put(name, seal(entry.content, name, key))
        except Exception as error:  # noqa: BLE001 - whatever it is must not end the thread
            self._failed("request_log_write_failed", error)
            return
        self._metrics.written.inc()

    def _expire(self) -> None:
        try:
            self._metrics.expired.inc(delete_expired(self._sink, self._retention_days, time.time()))
        except Exception as error:  # noqa: BLE001 - whatever it is must not end the thread
            self._failed("request_log_expire_failed", error)

    def _failed(self, event: str, error: Exception) -> None:
        """The error's type only: its message could have something of the text."""
        if event == "request_log_write_failed":
            self._metrics.failed.inc()
        log.error(event, error=type(error).__name__, errno=getattr(error, "errno", None))
