"""Commands on the request log's objects."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from moorage_serving.gateway.request_log.key_ring import InvalidKeysError, KeyRing, parse_key_ring
from moorage_serving.gateway.request_log.retention import delete_expired, delete_subject
from moorage_serving.gateway.request_log.sealed_object import UnreadableObjectError, unseal
from moorage_serving.gateway.request_log.sink import FolderSink

NOT_FOUND, INVALID_USE = 1, 2
request_log_commands = typer.Typer(
    help="Read and delete what the request log has kept.", add_completion=False, pretty_exceptions_enable=False
)
Folder = Annotated[
    Path,
    typer.Option(help="The log's folder, `request_log.folder` of the configuration.", exists=True, file_okay=False),
]
KeyVariable = Annotated[str, typer.Option(help="The environment variable that holds the log's keys.")]


@request_log_commands.command()
def show(
    name: Annotated[str, typer.Argument(help="The object, as SUBJECT/FILE below the folder.")],
    folder: Folder,
    key_environment_variable: KeyVariable,
) -> None:
    """Decrypt one object to standard output."""
    key_ring = _key_ring(key_environment_variable)
    try:
        content = unseal(FolderSink(folder).get(name), name, key_ring)
    except FileNotFoundError:
        _fail(f"there is no object {name}", NOT_FOUND)
    except UnreadableObjectError as error:
        _fail(f"{name} cannot be read: {error}", NOT_FOUND)
    sys.stdout.buffer.write(content + b"\n")


@request_log_commands.command()
def delete(
    subject: Annotated[
        str,
        typer.Option(help="The request's `safety_identifier` or `user`; `-` reads it from standard input."),
    ],
    folder: Folder,
    key_environment_variable: KeyVariable,
) -> None:
    """Delete every object of one subject. Objects whose key has left the ring are not found: they expire."""
    # Arguments of a process can be read by everybody on the machine.
    subject = sys.stdin.readline().rstrip("\r\n") if subject == "-" else subject
    deleted = delete_subject(FolderSink(folder), _key_ring(key_environment_variable), subject)
    typer.echo(f"deleted {deleted} objects")


@request_log_commands.command()
def expire(
    folder: Folder, retention_days: Annotated[int, typer.Option(min=0, help="Delete what is older than this.")]
) -> None:
    """Delete every object that is older than the retention. The gateway does the same every ten minutes."""
    typer.echo(f"deleted {delete_expired(FolderSink(folder), retention_days, time.time())} objects")


def _key_ring(variable: str) -> KeyRing:
    text = os.environ.get(variable)
    if not text:
        _fail(f"the environment variable {variable} must hold the keys, but is not set", INVALID_USE)
    try:
        return parse_key_ring(text)
    except InvalidKeysError as error:
        _fail(f"the environment variable {variable}: {error}", INVALID_USE)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
