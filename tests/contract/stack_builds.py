"""Builds of whole stacks by the program, on mocks, each in a process of its own."""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from . import build_stack
from .recording import STACK

ROOT = Path(__file__).parents[2]
_COMMAND = [sys.executable, "-m", "tests.contract.build_stack"]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.contract.imported_stacks"])


def build(keys: Mapping[str, object], stack: str = STACK) -> "subprocess.CompletedProcess[str]":
    """In a fork of a process that has imported the SDKs of all clouds, which takes longer than what follows."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = _FORKS.Process(target=_run, args=(_environment(keys, stack), output, errors))
        process.start()
        process.join()
        return subprocess.CompletedProcess(_COMMAND, process.exitcode or 0, output.read_text(), errors.read_text())


def build_alone(keys: Mapping[str, object], stack: str = STACK) -> "subprocess.CompletedProcess[str]":
    """In a new process, as Pulumi does: with no more than it imports itself, and in the time that this takes."""
    environment = _environment(keys, stack)
    return subprocess.run(_COMMAND, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)


def _environment(keys: Mapping[str, object], stack: str) -> dict[str, str]:
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    return {"PULUMI_CONFIG": json.dumps(given), "PYTHONPATH": f"{ROOT}:{ROOT / 'infra'}", "PULUMI_STACK": stack}


def _run(environment: Mapping[str, str], output: Path, errors: Path) -> None:
    for path, descriptor in ((output, 1), (errors, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    build_stack.main()
