"""The command line: `python -m moorage_serving.serverless`."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from moorage_serving.jobs.place import LEAST_RECORD_DAYS, Place, RecordDays
from moorage_serving.serverless.cold_start import ColdStart
from moorage_serving.serverless.engine import HOST, Engine, EngineError, EngineSettings

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

    from moorage_serving.serverless.jobs import FunctionJobs

ENGINE_FAILED, INVALID_USE = 1, 2
# Lambda ends an environment between two requests, and kills what is left of it after 2 seconds.
DRAIN_SECONDS = 0
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command_line.command()
def serve(
    weights: Annotated[Path, typer.Option(help="GGUF file.")],
    engine: Annotated[Path, typer.Option(help="llama.cpp's server.")],
    config_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the gateway's configuration.")
    ] = "MOORAGE_GATEWAY_DOCUMENT",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's.")] = 8080,
    engine_port: Annotated[
        int,
        typer.Option(min=1, max=65535, envvar="LLAMA_ARG_PORT", help="The engine's, which reads the same variable."),
    ] = 8081,
    jobs_queue_url: Annotated[
        str | None, typer.Option(envvar="MOORAGE_JOBS_QUEUE_URL", help="Of the queue (SQS) whose events are jobs.")
    ] = None,
    jobs_bucket: Annotated[
        str | None, typer.Option(envvar="MOORAGE_JOBS_BUCKET", help="For results and large bodies (S3).")
    ] = None,
    jobs_table: Annotated[
        str | None, typer.Option(envvar="MOORAGE_JOBS_TABLE", help="Of the jobs that are done (DynamoDB).")
    ] = None,
    jobs_record_days: RecordDays = LEAST_RECORD_DAYS,
) -> None:
    """Start the engine, and the gateway as soon as it is ready: whoever gets a connection gets an answer.

    With all three of `--jobs-…` the engine does the jobs that Lambda hands over as events of SQS; without, they fail.

    Ends with 0 after SIGTERM, with 1 when the engine ends by itself, with 2 for a configuration that cannot be used.
    """
    cold_start = ColdStart(_began_at())
    place = _jobs_place(jobs_queue_url, jobs_bucket, jobs_table, jobs_record_days)
    signal.signal(signal.SIGTERM, _end)
    settings = EngineSettings(engine, weights, engine_port)
    try:
        running = Engine(settings, cold_start)
        try:
            _serve_before(running, cold_start, config_variable, port, place)
        finally:
            running.stop()
    except EngineError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(ENGINE_FAILED) from error


def _jobs_place(queue_url: str | None, bucket: str | None, table: str | None, record_days: int) -> Place | None:
    """None where nothing is said of jobs."""
    if queue_url and bucket and table:
        return Place(queue_url, bucket, table, record_days=record_days)
    given = {"--jobs-queue-url": queue_url, "--jobs-bucket": bucket, "--jobs-table": table}
    if any(given.values()):
        missing = ", ".join(name for name, value in given.items() if not value)
        typer.echo(f"error: jobs need all of {', '.join(given)}; missing: {missing}", err=True)
        raise typer.Exit(INVALID_USE)
    return None


def _serve_before(
    engine: Engine, cold_start: ColdStart, config_variable: str, port: int, jobs_place: Place | None
) -> None:
    # Imported here: that takes as long as a small engine's own start, which has begun.
    import structlog

    from moorage_serving.gateway.cli import load, open_listeners
    from moorage_serving.gateway.config.source import ConfigVariable
    from moorage_serving.gateway.logs import LogLevel, configure_logging
    from moorage_serving.gateway.server import DrainBudget, GatewayServer, raise_limit_of_open_files
    from moorage_serving.gateway.state import GatewayState
    from moorage_serving.serverless.events import Events

    configure_logging(LogLevel.INFO)
    log = structlog.get_logger("serverless")
    raise_limit_of_open_files()
    source = ConfigVariable(config_variable)
    loaded = load(source)
    server = GatewayServer(GatewayState(source, loaded, 1, None), DrainBudget(0, DRAIN_SECONDS, False))
    server.config.app = Events(cast("ASGIApp", server.config.app), _jobs(jobs_place, engine))
    engine.wait_until_ready()
    lost: list[int] = []

    def end_with_it(code: int) -> None:
        lost.append(code)
        log.error("engine_lost", exit_code=code)
        os.kill(os.getpid(), signal.SIGTERM)

    engine.when_lost(end_with_it)
    listeners = open_listeners(HOST, port, 1, reuse_port=False)
    phases = cold_start.phases(time.monotonic())
    log.info("cold_start", **{f"{phase}_seconds": round(seconds, 3) for phase, seconds in phases.items()})
    server.run(listeners)
    if lost:
        raise EngineError(f"the engine has ended with {lost[0]}")


def _jobs(place: Place | None, engine: Engine) -> FunctionJobs | None:
    if place is None:
        return None
    from moorage_serving.serverless.jobs import FunctionJobs

    return FunctionJobs(place, engine.address)


def _began_at() -> float:
    """When this process was started, on the clock of `time.monotonic`."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)


def _end(_signal: int, _frame: FrameType | None) -> None:
    """Before the gateway is there to do it."""
    sys.exit(0)
