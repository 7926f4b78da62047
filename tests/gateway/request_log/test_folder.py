"""Records are for their owner only, and gone when their time or their subject is."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.request_log.key_ring import KeyRing
from moorage_serving.gateway.request_log.object_name import NO_SUBJECT, created_at, new_name
from moorage_serving.gateway.request_log.retention import DAY_SECONDS, delete_expired, delete_subject
from moorage_serving.gateway.request_log.sink import ABANDONED_AFTER_SECONDS, FolderSink

from .keys import KEYS, NAME, NEW_KEY, OLD_KEY

if TYPE_CHECKING:
    from pathlib import Path


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
