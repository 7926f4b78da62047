"""The command line: `python -m moorage_serving.gateway`."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from moorage_serving.gateway.cache.command import command_line as cache_commands
from moorage_serving.gateway.config.file import ConfigError, LoadedConfig, load_config
from moorage_serving.gateway.config.schema import render_schema
from moorage_serving.gateway.config.source import ConfigFile, ConfigSource, ConfigVariable
from moorage_serving.gateway.logs import LogLevel, configure_logging
from moorage_serving.gateway.request_log.command import request_log_commands
from moorage_serving.gateway.server import (
    KEEP_ALIVE_SECONDS,
    DrainBudget,
    GatewayServer,
    listen,
    raise_limit_of_open_files,
)
from moorage_serving.gateway.state import GatewayState
from moorage_serving.gateway.workers import WorkerPool

INVALID_USE, CANNOT_LISTEN = 2, 1
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
command_line.add_typer(cache_commands, name="cache")
command_line.add_typer(request_log_commands, name="request-log")


Config = Annotated[Path | None, typer.Option(help="Configuration file (JSON, gateway-config version 1).")]
Variable = Annotated[
    str | None, typer.Option(help="Environment variable that holds the configuration, instead of a file.")
]


@command_line.command()
def serve(
    config: Config = None,
    config_variable: Variable = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one and logs it.")
    ] = 8000,
    log_level: Annotated[LogLevel, typer.Option(help="Least severity that is logged.")] = LogLevel.INFO,
    propagation_seconds: Annotated[
        float, typer.Option(min=0, help="After SIGTERM, how long others may need to learn of it and send no more.")
    ] = 1,
    drain_seconds: Annotated[
        int, typer.Option(min=0, help="After that, how long open requests may go on before they are cut.")
    ] = 60,
    keep_alive_seconds: Annotated[
        int, typer.Option(min=1, help="How long an idle connection stays open; longer than a load balancer keeps it.")
    ] = KEEP_ALIVE_SECONDS,
    *,
    reuse_port: Annotated[
        bool, typer.Option("--reuse-port", help="Share the port: a new process takes over while the old one drains.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes behind the port, one per core.")] = 1,
    listen_descriptor: Annotated[int | None, typer.Option(hidden=True, help="A worker's socket.")] = None,
    metrics_socket: Annotated[Path | None, typer.Option(hidden=True, help="Where a worker tells its metrics.")] = None,
) -> None:
    """Serve the OpenAI API in front of the engines that the configuration names.

    SIGHUP reads the configuration file again, SIGTERM ends gracefully. Logs are JSON lines on standard output.
    """
    # A reload that is asked for while the process still starts waits until it can be obeyed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    configure_logging(log_level)
    raise_limit_of_open_files()
    source = source_of(config, config_variable)
    loaded = load(source)
    if listen_descriptor is None:
        listeners = open_listeners(host, port, workers, reuse_port=reuse_port)
        if workers > 1:
            asyncio.run(WorkerPool(sys.argv[2:], listeners).run())
            return
        listener = listeners[0]
    else:
        listener = socket.socket(fileno=listen_descriptor)
    budget = DrainBudget(propagation_seconds, drain_seconds, leaves_port_at_once=reuse_port)
    GatewayServer(GatewayState(source, loaded, workers, metrics_socket), budget, keep_alive_seconds).run([listener])


@command_line.command()
def check(config: Config = None, config_variable: Variable = None) -> None:
    """Say everything that is wrong with a configuration; nothing where all is well."""
    load(source_of(config, config_variable))


@command_line.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    typer.echo(render_schema(), nl=False)


def open_listeners(host: str, port: int, count: int, *, reuse_port: bool) -> list[socket.socket]:
    """So many sockets on one port, or the end of the process."""
    try:
        first = listen(host, port, reuse_port=reuse_port or count > 1)
        same_port = first.getsockname()[1]
        return [first, *(listen(host, same_port, reuse_port=True) for _ in range(count - 1))]
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}", CANNOT_LISTEN)


def source_of(config: Path | None, variable: str | None) -> ConfigSource:
    """The one place that is named, or the end of the process."""
    if (config is None) == (variable is None):
        fail("exactly one of --config and --config-variable must be given", INVALID_USE)
    return ConfigVariable(str(variable)) if config is None else ConfigFile(config)


def load(source: ConfigSource) -> LoadedConfig:
    """The configuration, or the end of the process with all that is wrong with it in one line."""
    try:
        return load_config(source)
    except ConfigError as error:
        fail(str(error), INVALID_USE)


def fail(message: str, code: int) -> NoReturn:
    """End with one line on standard error."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
