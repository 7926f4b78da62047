"""The command line: `python -m moorage_serving.activator`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import Annotated

import typer

from moorage_serving.activator.server import serve
from moorage_serving.activator.settings import SettingsError, load_settings
from moorage_serving.gateway.logs import LogLevel, configure_logging

INVALID_USE = 2
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command_line.command()
def run(
    settings: Annotated[Path, typer.Option(help="Settings file (JSON).")],
    socket: Annotated[Path, typer.Option(help="Unix socket to listen on.")],
    log_level: Annotated[LogLevel, typer.Option(help="Least severity that is logged.")] = LogLevel.INFO,
) -> None:
    """Start one engine on demand, and stop it when it is idle.

    SIGTERM ends this process and leaves the engine as it is. Logs are JSON lines on standard output.
    """
    configure_logging(log_level)
    try:
        loaded = load_settings(settings)
    except SettingsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(INVALID_USE) from error
    asyncio.run(serve(loaded, str(socket)))
