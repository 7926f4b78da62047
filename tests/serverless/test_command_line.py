"""`python -m moorage_serving.serverless` where it cannot serve: one line that says why, and nothing left running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT

from .environment import free_port, gateway_document

ENGINE = ROOT / ".tools/llama-cpp/llama-server"


def run_command(weights: Path, engine: Path, document: str | None, **more: str) -> subprocess.CompletedProcess[str]:
    """Until it ends by itself; its pipes end with the last process that has them."""
    ports = ["--port", str(free_port()), "--engine-port", str(free_port())]
    command = [sys.executable, "-m", "moorage_serving.serverless", "--weights", str(weights), "--engine", str(engine)]
    variables = {} if document is None else {"MOORAGE_GATEWAY_DOCUMENT": document}
    environment = {"PATH": os.environ["PATH"], **variables, **more}
    return subprocess.run([*command, *ports], env=environment, capture_output=True, text=True, timeout=60)


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


def test_an_engine_that_is_not_there(weights: Path, tmp_path: Path):
    done = run_command(weights, tmp_path / "llama-server", gateway_document(8081))
    assert done.returncode == 1
    assert errors(done) == [f"error: cannot start {tmp_path / 'llama-server'}: No such file or directory"]


def test_a_file_that_is_no_model(tmp_path: Path):
    (tmp_path / "model.gguf").write_bytes(b"no model")
    done = run_command(tmp_path / "model.gguf", ENGINE, gateway_document(8081))
    assert done.returncode == 1
    assert errors(done) == ["error: the engine has ended with 1 before it was ready"]


@pytest.mark.parametrize("document", [None, "{", '{"version": 1}'])
def test_a_configuration_that_cannot_be_used(weights: Path, document: str | None):
    done = run_command(weights, ENGINE, document)
    assert done.returncode == 2
    assert len(errors(done)) == 1
    assert "MOORAGE_GATEWAY_DOCUMENT" in errors(done)[0]


def test_jobs_without_all_that_they_need(weights: Path):
    done = run_command(weights, ENGINE, gateway_document(8081), MOORAGE_JOBS_BUCKET="results")
    assert done.returncode == 2
    needed = "--jobs-queue-url, --jobs-bucket, --jobs-table"
    assert errors(done) == [f"error: jobs need all of {needed}; missing: --jobs-queue-url, --jobs-table"]
