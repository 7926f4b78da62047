"""What `LambdaLlm` and tests/serverless take for granted of the image that serving_image/lambda/Dockerfile makes."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from moorage.engine.llama_cpp import ENGINE_ADDRESS
from moorage_serving.jobs.place import LEAST_RECORD_DAYS
from moorage_serving.serverless import cli, events
from tests.checkout import ROOT
from tests.serverless.environment import DOCKERFILE, adapter_settings, install_extension


def instructions(name: str) -> list[str]:
    return [
        line.removeprefix(f"{name} ") for line in DOCKERFILE.read_text().splitlines() if line.startswith(f"{name} ")
    ]


def command() -> list[str]:
    (entrypoint,), (arguments,) = instructions("ENTRYPOINT"), instructions("CMD")
    return [*json.loads(entrypoint), *json.loads(arguments)]


def test_the_adapter_finds_the_gateway():
    settings = adapter_settings()
    started = command()
    assert settings["AWS_LWA_PORT"] == started[started.index("--port") + 1]
    assert settings["AWS_LWA_READINESS_CHECK_PATH"] == "/ready"
    assert settings["AWS_LWA_READINESS_CHECK_HEALTHY_STATUS"] == "200"


def test_the_adapter_streams_and_may_take_longer_than_lambda_waits():
    assert adapter_settings()["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert adapter_settings()["AWS_LWA_ASYNC_INIT"] == "true"


@pytest.mark.parametrize(
    ("initialization", "gives_up"), [("on-demand", "true"), ("provisioned-concurrency", "false"), (None, "true")]
)
def test_only_a_start_on_demand_ends_before_the_engine_is_ready(
    initialization: str | None, gives_up: str, tmp_path: Path
):
    started_for = {} if initialization is None else {"AWS_LAMBDA_INITIALIZATION_TYPE": initialization}
    extension = install_extension(tmp_path, adapter=Path(shutil.which("env") or "/usr/bin/env"))
    settings = subprocess.run(
        [extension], env={**adapter_settings(), **started_for}, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert f"AWS_LWA_ASYNC_INIT={gives_up}" in settings


def test_other_events_fail_where_the_process_refuses_them():
    assert adapter_settings()["AWS_LWA_PASS_THROUGH_PATH"] == events.PATH
    assert adapter_settings()["AWS_LWA_ERROR_STATUS_CODES"] == str(events.FAILED)


def test_it_knows_for_as_long_as_a_worker_does_that_a_job_is_done():
    [default] = [option.default for option in get_command(cli.command_line).params if option.name == "jobs_record_days"]
    assert default == LEAST_RECORD_DAYS


def test_its_command_is_one_that_the_program_takes():
    started = command()
    assert started[:3] == ["python", "-m", "moorage_serving.serverless"]
    given = started[3:]
    result = CliRunner().invoke(cli.command_line, [*given, "--help"])
    assert result.exit_code == 0
    assert all(option in result.output for option in given if option.startswith("--"))


def test_the_engine_listens_where_the_gateways_document_has_it():
    help_text = CliRunner().invoke(cli.command_line, ["--help"]).output
    assert f"[default: {urlsplit(ENGINE_ADDRESS).port}]" in help_text


def test_what_the_command_names_is_copied():
    copied = {shlex.split(line)[-1] for line in instructions("COPY")}
    started = command()
    assert {started[started.index(option) + 1] for option in ("--weights", "--engine")} <= copied
    assert {"/opt/extensions/lambda-adapter", "/opt/lambda-adapter"} <= copied


def test_all_that_it_copies_is_sent_to_the_builder_and_nothing_else():
    copied = {shlex.split(line)[0] for line in instructions("COPY") if not line.startswith("--from")}
    sent = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in sent if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)
    assert "*" in sent
