"""The request log keeps what it may, encrypted, and no longer than it may."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.request_log.command import request_log_commands
from moorage_serving.gateway.request_log.key_ring import InvalidKeysError, KeyRing, parse_key_ring
from moorage_serving.gateway.request_log.metrics import RequestLogMetrics
from moorage_serving.gateway.request_log.object_name import NO_SUBJECT, created_at, new_name
from moorage_serving.gateway.request_log.pattern_redactor import PatternRedactor
from moorage_serving.gateway.request_log.recording import MAX_TEXT_BYTES
from moorage_serving.gateway.request_log.request_log import RequestLog
from moorage_serving.gateway.request_log.retention import DAY_SECONDS, delete_expired, delete_subject
from moorage_serving.gateway.request_log.sampling import is_sampled
from moorage_serving.gateway.request_log.sealed_object import MAGIC, NONCE_BYTES, UnreadableObjectError, seal, unseal
from moorage_serving.gateway.request_log.sink import ABANDONED_AFTER_SECONDS, FolderSink
from moorage_serving.gateway.request_log.writer import MAX_QUEUED

from .processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))
KEYS = KeyRing([OLD_KEY])
NAME = new_name(KEYS.current.subject_hash("alice"), 1_800_000_000)
VARIABLE = "REQUEST_LOG_KEYS"
TAG_BYTES = 16  # of AES-GCM


def in_environment(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


# Keys and objects


@given(st.binary(max_size=2000))
def test_what_was_sealed_is_unsealed(content: bytes) -> None:
    sealed = seal(content, NAME, KEYS.current)
    assert unseal(sealed, NAME, KEYS) == content
    # What is in clear is the same whatever the content, which may be just that.
    in_clear = seal(b"", NAME, KEYS.current)[: -NONCE_BYTES - TAG_BYTES]
    assert sealed.startswith(in_clear)
    assert len(content) < 4 or content not in sealed[len(in_clear) :]


def test_a_content_that_is_what_stands_in_clear_is_sealed_too() -> None:
    sealed = seal(MAGIC, NAME, KEYS.current)
    assert unseal(sealed, NAME, KEYS) == MAGIC
    assert sealed.count(MAGIC) == 1


@given(st.data())
def test_an_object_that_was_changed_anywhere_is_not_opened(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"content", NAME, KEYS.current))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableObjectError):
        unseal(bytes(sealed), NAME, KEYS)


@given(st.binary(max_size=200))
def test_what_is_no_object_is_not_opened(data: bytes) -> None:
    with pytest.raises(UnreadableObjectError):
        unseal(data, NAME, KEYS)


def test_an_object_that_was_moved_is_not_opened() -> None:
    sealed = seal(b"content", NAME, KEYS.current)
    with pytest.raises(UnreadableObjectError, match="another name"):
        unseal(sealed, new_name(KEYS.current.subject_hash("bob"), 1_800_000_000), KEYS)


def test_the_same_content_is_never_the_same_object() -> None:
    assert len({seal(b"content", NAME, KEYS.current) for _ in range(50)}) == 50


def test_an_older_key_still_reads_and_a_foreign_one_does_not() -> None:
    sealed = seal(b"content", NAME, KEYS.current)
    assert unseal(sealed, NAME, KeyRing([NEW_KEY, OLD_KEY])) == b"content"
    with pytest.raises(UnreadableObjectError, match="not in the ring"):
        unseal(sealed, NAME, KeyRing([NEW_KEY]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "key 1 has 0 bytes"),
        ("not base64!", "key 1 is not base64"),
        (f"{in_environment(OLD_KEY)},c2hvcnQ=", "key 2 has 5 bytes"),
        (in_environment(OLD_KEY, OLD_KEY), "twice"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(text: str, message: str) -> None:
    with pytest.raises(InvalidKeysError, match=message) as raised:
        parse_key_ring(text)
    assert not text or text not in str(raised.value)


def test_a_subject_is_a_keyed_hash() -> None:
    ring = parse_key_ring(in_environment(NEW_KEY, OLD_KEY))
    assert ring.subject_hashes("alice") == [KeyRing([NEW_KEY]).current.subject_hash("alice"), NAME.partition("/")[0]]
    assert len({KEYS.current.subject_hash(subject) for subject in ("alice", "Alice", "bob", "")}) == 4


# Sampling


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


# The folder


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "log")


def test_objects_are_for_their_owner_only(sink: FolderSink, tmp_path: Path) -> None:
    sink.put(NAME, b"content")
    for path in (tmp_path / "log").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert sink.get(NAME) == b"content"


def test_a_write_that_fails_leaves_nothing(sink: FolderSink, tmp_path: Path) -> None:
    (tmp_path / "log" / NAME.partition("/")[0]).write_text("a file stands in the way")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        sink.put(NAME, b"content")
    assert list((tmp_path / "log" / "incoming").iterdir()) == []
    assert list(sink.names()) == []


def test_what_a_killed_process_left_is_removed_when_it_is_old(sink: FolderSink, tmp_path: Path) -> None:
    left, written_now = tmp_path / "log/incoming/left", tmp_path / "log/incoming/new"
    for path in (left, written_now):
        path.touch()
    old = time.time() - ABANDONED_AFTER_SECONDS - 60
    os.utime(left, (old, old))
    FolderSink(tmp_path / "log")
    assert not left.exists()
    assert written_now.exists()


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "", "incoming/x", f"{NAME}/../x", NAME.upper()],
    ids=["above", "absolute", "empty", "not-whole", "beside", "upper-case"],
)
def test_only_objects_can_be_asked_for(sink: FolderSink, name: str) -> None:
    for act in (sink.get, sink.delete):
        with pytest.raises(FileNotFoundError):
            act(name)


@given(
    st.lists(st.tuples(st.sampled_from(["alice", "bob", None]), st.integers(0, 60)), max_size=12), st.integers(0, 60)
)
def test_exactly_what_is_too_old_expires(
    tmp_path_factory: pytest.TempPathFactory, objects: list[tuple[str | None, int]], retention_days: int
) -> None:
    sink, now = FolderSink(tmp_path_factory.mktemp("log")), 1_800_000_000
    for subject, age_days in objects:
        prefix = NO_SUBJECT if subject is None else KEYS.current.subject_hash(subject)
        sink.put(new_name(prefix, now - age_days * DAY_SECONDS), b"x")
    assert delete_expired(sink, retention_days, now) == sum(age > retention_days for _, age in objects)
    assert all(now - created_at(name) <= retention_days * DAY_SECONDS for name in sink.names())


def test_exactly_one_subject_is_deleted_whichever_key_wrote_it(sink: FolderSink) -> None:
    ring = KeyRing([NEW_KEY, OLD_KEY])
    for key in ring.keys:
        for subject in ("alice", "alice", "bob"):
            sink.put(new_name(key.subject_hash(subject), 1_800_000_000), b"x")
    sink.put(new_name(NO_SUBJECT, 1_800_000_000), b"x")
    assert delete_subject(sink, ring, "alice") == 4
    assert delete_subject(sink, ring, "alice") == 0
    assert delete_subject(sink, ring, NO_SUBJECT) == 0
    assert len(list(sink.names())) == 3


# The log


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


# The commands


def run(*arguments: str, stdin: str | None = None, keys: str = in_environment(OLD_KEY)) -> tuple[int, str]:
    done = CliRunner().invoke(request_log_commands, arguments, env={VARIABLE: keys}, input=stdin)
    return done.exit_code, done.output


def test_show_decrypts_one_object(sink: FolderSink, tmp_path: Path) -> None:
    sink.put(NAME, seal(b'{"a":1}', NAME, KEYS.current))
    where = ("--folder", str(tmp_path / "log"), "--key-environment-variable", VARIABLE)
    assert run("show", NAME, *where) == (0, '{"a":1}\n')
    assert run("show", NAME, *where, keys=in_environment(NEW_KEY)) == (
        1,
        f"error: {NAME} cannot be read: the key that it was written with is not in the ring\n",
    )
    assert run("show", "no/object", *where) == (1, "error: there is no object no/object\n")
    assert run("show", NAME, *where, keys="") == (
        2,
        f"error: the environment variable {VARIABLE} must hold the keys, but is not set\n",
    )


@pytest.mark.parametrize(("argument", "stdin"), [("alice", None), ("-", "alice\n")])
def test_delete_takes_a_subjects_objects_away(
    sink: FolderSink, tmp_path: Path, argument: str, stdin: str | None
) -> None:
    sink.put(NAME, b"x")
    sink.put(new_name(NO_SUBJECT, 1_800_000_000), b"x")
    where = ("--folder", str(tmp_path / "log"), "--key-environment-variable", VARIABLE)
    assert run("delete", "--subject", argument, *where, stdin=stdin) == (0, "deleted 1 objects\n")
    assert len(list(sink.names())) == 1


def test_expire_takes_old_objects_away(sink: FolderSink, tmp_path: Path) -> None:
    sink.put(new_name(NO_SUBJECT, 1_000_000_000), b"x")
    folder = ("--folder", str(tmp_path / "log"))
    assert run("expire", *folder, "--retention-days", "30") == (0, "deleted 1 objects\n")
