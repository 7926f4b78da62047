"""What `request-log` shows and deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from moorage_serving.gateway.request_log.command import request_log_commands
from moorage_serving.gateway.request_log.object_name import NO_SUBJECT, new_name
from moorage_serving.gateway.request_log.sealed_object import seal

from .keys import KEYS, NAME, NEW_KEY, OLD_KEY, in_environment

if TYPE_CHECKING:
    from pathlib import Path

    from moorage_serving.gateway.request_log.sink import FolderSink

VARIABLE = "REQUEST_LOG_KEYS"


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
