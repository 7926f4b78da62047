"""Of listed tenants, what is sampled becomes one redacted, encrypted record; a store delays nobody."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.request_log.object_name import NO_SUBJECT, new_name
from moorage_serving.gateway.request_log.recording import MAX_TEXT_BYTES
from moorage_serving.gateway.request_log.retention import DAY_SECONDS
from moorage_serving.gateway.request_log.sampling import is_sampled
from moorage_serving.gateway.request_log.sealed_object import unseal
from moorage_serving.gateway.request_log.sink import FolderSink
from moorage_serving.gateway.request_log.writer import MAX_QUEUED
from tests.gateway.processes import eventually

from .keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.request_log.request_log import RequestLog


def test_sampling_is_the_same_for_the_same_request() -> None:
    ids = [b"request-%d" % number for number in range(4000)]
    sampled = [is_sampled(request_id, 0.25) for request_id in ids]
    assert sampled == [is_sampled(request_id, 0.25) for request_id in ids]
    assert 800 < sum(sampled) < 1200  # 1000 expected, 27 the standard deviation


@given(st.binary(max_size=128), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_ratio_keeps_what_a_smaller_one_kept(request_id: bytes, a: float, b: float) -> None:
    assert is_sampled(request_id, min(a, b)) <= is_sampled(request_id, max(a, b))
    assert is_sampled(request_id, 1.0)
    assert not is_sampled(request_id, 0.0)


def result(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value("moorage_gateway_request_log_objects_total", {"result": name})


def record() -> RequestRecord:
    finished = RequestRecord("/v1/chat/completions", b"request-1")
    finished.model, finished.status, finished.outcome = "moored", 200, Outcome.COMPLETED
    return finished


def say(log: RequestLog, request: dict[str, object], *chunks: bytes, stream: bool = False) -> None:
    recording = log.begin("listed", b"request-1")
    assert recording is not None
    recording.ask(json.dumps(request).encode())
    recording.is_event_stream = stream
    for chunk in chunks:
        recording.add(chunk)
    recording.finish(record())


def test_a_request_becomes_one_redacted_object(sink: FolderSink, open_log: Callable[..., RequestLog]) -> None:
    request = {"model": "moored", "user": "alice", "messages": [{"role": "user", "content": "I am a@b.example"}]}
    answer = {"choices": [{"message": {"content": "Call +49 30 901820."}}], "usage": {"prompt_tokens": 7}}
    log = open_log(sink)
    say(log, request, json.dumps(answer).encode())
    log.close()
    (name,) = sink.names()
    assert name.startswith(KEYS.current.subject_hash("alice") + "/")
    kept = json.loads(unseal(sink.get(name), name, KEYS))
    assert kept["request"] == {
        "model": "moored",
        "user": "[LEFT_OUT]",
        "messages": [{"role": "user", "content": "I am [EMAIL]"}],
    }
    assert kept["answer"]["choices"][0]["message"]["content"] == "Call [NUMBER]."
    assert kept["request_id"] == "request-1"
    assert kept["outcome"] == "completed"


def test_a_stream_is_kept_whole(sink: FolderSink, open_log: Callable[..., RequestLog]) -> None:
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("mail a@b", ".exam", "ple now")]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    log = open_log(sink)
    say(log, {"model": "moored", "stream": True}, stream[:37], stream[37:90], stream[90:], stream=True)
    log.close()
    (name,) = sink.names(NO_SUBJECT)
    kept = json.loads(unseal(sink.get(name), name, KEYS))
    assert kept["answer"] == {"choices": [{"index": 0, "delta": {"content": "mail [EMAIL] now"}}]}


@pytest.mark.anyio
async def test_what_is_sent_to_the_client_is_what_is_kept(
    sink: FolderSink, open_log: Callable[..., RequestLog]
) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    log = open_log(sink)
    recording = log.begin("listed", b"request-1")
    assert recording is not None
    messages = [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream; x")]},
        {"type": "http.response.body", "body": b'data: {"choices": [{"index": 0, "te', "more_body": True},
        {"type": "http.response.body", "body": b'xt": "hello"}]}\n\n', "more_body": False},
    ]
    listening = recording.listen(send)  # type: ignore[arg-type]
    for message in messages:
        await listening(message)  # type: ignore[arg-type]
    recording.finish(record())
    log.close()
    assert sent == messages
    (name,) = sink.names()
    assert json.loads(unseal(sink.get(name), name, KEYS))["answer"] == {"choices": [{"index": 0, "text": "hello"}]}


def test_only_listed_tenants_are_recorded(sink: FolderSink, open_log: Callable[..., RequestLog]) -> None:
    log = open_log(sink)
    assert log.begin("listed", b"x") is not None
    assert log.begin("other", b"x") is None


def test_only_sampled_requests_are_recorded(sink: FolderSink, open_log: Callable[..., RequestLog]) -> None:
    log = open_log(sink, sample_ratio=0.5)
    ids = [b"request-%d" % number for number in range(100)]
    assert [log.begin("listed", request_id) is not None for request_id in ids] == [is_sampled(i, 0.5) for i in ids]


def test_too_long_texts_are_dropped_and_counted(
    sink: FolderSink, open_log: Callable[..., RequestLog], registry: CollectorRegistry
) -> None:
    log = open_log(sink)
    say(log, {"prompt": "x"}, *[b"y" * 1024] * (MAX_TEXT_BYTES // 1024 + 1))
    log.close()
    assert list(sink.names()) == []
    assert result(registry, "dropped_too_large") == 1


class StuckSink(FolderSink):
    """A store that does not answer until it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go_on = threading.Event()

    def put(self, name: str, content: bytes) -> None:
        self.go_on.wait(60)
        super().put(name, content)


def test_a_store_that_is_stuck_delays_nothing_and_what_is_dropped_is_counted(
    tmp_path: Path, open_log: Callable[..., RequestLog], registry: CollectorRegistry
) -> None:
    sink = StuckSink(tmp_path)
    log = open_log(sink)
    for _ in range(MAX_QUEUED + 10):
        say(log, {"prompt": "x"})
    dropped = result(registry, "dropped_queue_full") or 0
    assert dropped in (9, 10)  # the thread may have taken one out of the queue
    sink.go_on.set()
    log.close(30)
    assert result(registry, "written") == MAX_QUEUED + 10 - dropped == len(list(sink.names()))


def test_a_store_that_fails_is_counted_and_the_next_request_is_kept(
    sink: FolderSink, tmp_path: Path, open_log: Callable[..., RequestLog], registry: CollectorRegistry
) -> None:
    in_the_way = tmp_path / "log" / NO_SUBJECT
    in_the_way.write_text("a file")
    log = open_log(sink)
    say(log, {"prompt": "x"})
    eventually(lambda: result(registry, "failed") == 1)
    in_the_way.unlink()
    say(log, {"prompt": "x"})
    eventually(lambda: result(registry, "written") == 1)


def test_old_objects_expire_while_the_log_runs(
    sink: FolderSink, open_log: Callable[..., RequestLog], registry: CollectorRegistry
) -> None:
    sink.put(new_name(NO_SUBJECT, int(time.time()) - 31 * DAY_SECONDS), b"old")
    sink.put(new_name(NO_SUBJECT, int(time.time()) - 29 * DAY_SECONDS), b"young")
    open_log(sink)
    eventually(lambda: registry.get_sample_value("moorage_gateway_request_log_expired_objects_total") == 1)
    assert len(list(sink.names())) == 1
