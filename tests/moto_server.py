"""moto's server: it answers over HTTP as AWS does."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from . import atomic_moto

IDENTITY = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": IDENTITY["aws_access_key_id"],
    "AWS_SECRET_ACCESS_KEY": IDENTITY["aws_secret_access_key"],
    "AWS_DEFAULT_REGION": IDENTITY["region_name"],
}
"""For processes that look for their identity as on AWS."""
_START_SECONDS = 30


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """The address of one with nothing in it yet; its log is in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACM_VALIDATION_WAIT": "1"}
    with (folder / "moto.log").open("w") as log:
        command = [sys.executable, str(Path(atomic_moto.__file__)), "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def client(service: str, address: str) -> Any:
    """Of a service that the server has."""
    return boto3.client(service, endpoint_url=address, **IDENTITY)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"moto does not listen after {_START_SECONDS} seconds")
