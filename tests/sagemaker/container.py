"""What an endpoint's container starts: real vLLM by exactly the environment that the component gives it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from moorage.aws.managed_spec import SagemakerModelSpec
from moorage.aws.sagemaker_environment import MODEL_FOLDER
from moorage.engine import vllm_command
from tests.checkout import ROOT

from .entry_point import arguments_of

_PROGRAMS = ROOT / ".tools" / "engine" / "bin"
# As the entry point of AWS's image starts vLLM (scripts/docker/vllm/sagemaker_entrypoint.sh of
# github.com/aws/deep-learning-containers, e0ecede, read 2026-11-26): the same program, which comes with vLLM.
_SUPERVISOR = ["standard-supervisor"]
_START_SECONDS = 300
# This machine has no GPU; the CPU's build of vLLM is told so, and how much memory it may take.
_OF_THIS_MACHINE = ["--enforce-eager"]
_ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


class Container(NamedTuple):
    """One that has answered `/ping`."""

    address: str
    process: "subprocess.Popen[bytes]"
    """The container's first: where it ends, so does the container."""


@contextmanager
def container(spec: SagemakerModelSpec, model_folder: Path, log_path: Path) -> Iterator[Container]:
    """Ready for requests. The weights lie in `model_folder` instead of SageMaker's folder."""
    port = _free_port()
    arguments = [str(model_folder) if value == MODEL_FOLDER else value for value in arguments_of(spec.environment)]
    listen = ["--host", "127.0.0.1", "--port", str(port)]
    path = f"{_PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*_SUPERVISOR, *vllm_command(str(_PROGRAMS / "python")), *arguments, *listen, *_OF_THIS_MACHINE],
            env={**os.environ, **spec.environment, **_ENVIRONMENT, "PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    started: list[psutil.Process] = []
    try:
        _await_ping(address, process, log_path)
        started += psutil.Process(process.pid).children(recursive=True)
        yield Container(address, process)
    finally:
        _end(process, started)


def _end(process: "subprocess.Popen[bytes]", started: list[psutil.Process]) -> None:
    """With all that it has started, as where a container's first process ends."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for other in started:
        if other.is_running():
            other.kill()


def _await_ping(address: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    with httpx.Client(base_url=address, trust_env=False, timeout=5) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get("/ping").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)
    raise AssertionError(f"the container does not answer /ping:\n{log_path.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
