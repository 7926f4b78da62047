"""The command line: `python -m moorage_serving.jobs`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Annotated, NoReturn

import typer
from prometheus_client import start_http_server
from pydantic import ValidationError

from moorage_serving.gateway.logs import LogLevel, configure_logging
from moorage_serving.jobs.connections import connect, job_runner
from moorage_serving.jobs.engine import RETRY_SECONDS
from moorage_serving.jobs.message import Job, JobResult
from moorage_serving.jobs.metrics import JobMetrics
from moorage_serving.jobs.place import LEAST_RECORD_DAYS, Place, RecordDays
from moorage_serving.jobs.submission import result_of, submit
from moorage_serving.jobs.worker import Worker

INVALID_USE, NOT_DONE = 2, 3
API_KEY_VARIABLE = "MOORAGE_API_KEY"
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)

QueueUrl = Annotated[str, typer.Option(envvar="MOORAGE_JOBS_QUEUE_URL", help="Of the queue (SQS).")]
Bucket = Annotated[str, typer.Option(envvar="MOORAGE_JOBS_BUCKET", help="For results and large bodies (S3).")]
Table = Annotated[str, typer.Option(envvar="MOORAGE_JOBS_TABLE", help="Of the jobs that are done (DynamoDB).")]


@command_line.command()
def work(
    queue_url: QueueUrl,
    bucket: Bucket,
    table: Table,
    endpoint: Annotated[
        str, typer.Option(envvar="MOORAGE_JOBS_ENDPOINT", help="Of the gateway or engine, without /v1.")
    ],
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs at once.")] = 16,
    visibility_seconds: Annotated[
        int, typer.Option(min=3, max=43_200, help="After a crash, a job comes again after so long.")
    ] = 60,
    job_seconds: Annotated[
        float, typer.Option(min=1, max=43_000, help="How long the engine may take for one job.")
    ] = 3600,
    retry_seconds: Annotated[
        float, typer.Option(min=1, max=900, help="Wait before the second try; twice as long before each other.")
    ] = RETRY_SECONDS,
    drain_seconds: Annotated[
        float, typer.Option(min=0, help="After SIGTERM, how long jobs may go on before they are given back.")
    ] = 60,
    record_days: RecordDays = LEAST_RECORD_DAYS,
    metrics_port: Annotated[int | None, typer.Option(help="Where Prometheus reads. Default: nowhere.")] = None,
    log_level: Annotated[LogLevel, typer.Option(help="Least severity that is logged.")] = LogLevel.INFO,
) -> None:
    """Work jobs off the queue, until SIGTERM. The endpoint's key is read from MOORAGE_API_KEY."""
    configure_logging(log_level)
    metrics = JobMetrics()
    if metrics_port is not None:
        start_http_server(metrics_port, registry=metrics.registry)

    async def run() -> None:
        place = Place(queue_url, bucket, table, visibility_seconds, record_days)
        async with (
            connect(place, connections=2 * concurrency + 1) as services,
            job_runner(
                services, endpoint, os.environ.get(API_KEY_VARIABLE), job_seconds, metrics, retry_seconds
            ) as runner,
        ):
            worker = Worker(runner, metrics, concurrency, drain_seconds)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, worker.stop)
            await worker.run()

    asyncio.run(run())


@command_line.command(name="submit")
def submit_command(
    queue_url: QueueUrl,
    bucket: Bucket,
    table: Table,
    path: Annotated[str, typer.Option(help="Of OpenAI's API.")] = "/v1/chat/completions",
    job_id: Annotated[str | None, typer.Option(help="Submitted twice, it is done once. Default: a new one.")] = None,
) -> None:
    """Hand in the request on standard input (JSON, as OpenAI's API takes it), and print the job's id."""
    given = {"path": path, "body": sys.stdin.read()} | ({} if job_id is None else {"job_id": job_id})
    try:
        job = Job.from_text(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        _fail("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found), INVALID_USE)

    async def run() -> str:
        async with connect(Place(queue_url, bucket, table)) as services:
            return await submit(services, job)

    typer.echo(asyncio.run(run()))


@command_line.command()
def result(job_id: Annotated[str, typer.Argument()], queue_url: QueueUrl, bucket: Bucket, table: Table) -> None:
    """Print what has become of a job (JSON); ends with 3 while there is nothing."""

    async def run() -> JobResult | None:
        async with connect(Place(queue_url, bucket, table)) as services:
            return await result_of(services, job_id)

    found = asyncio.run(run())
    if found is None:
        _fail(f"job {job_id} is not done yet, or unknown", NOT_DONE)
    typer.echo(found.model_dump_json())


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
