"""Every stack on AWS, as Terraform's provider sees it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml

from .terraform import PROVIDER_VERSION, Terraform

ROOT = Path(__file__).parents[2]
_MOTO_START_SECONDS = 30


def configuration_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["config"]


STACKS = [path for path in sorted((ROOT / "stacks").glob("*.yaml")) if configuration_of(path)["moorage:cloud"] == "aws"]


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the provider, which takes half a minute to say it: kept, by its version."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage"
    file = cache / f"terraform-aws-{PROVIDER_VERSION}-schema.json"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}")
        Terraform(tmp_path_factory.mktemp("schema")).schema(fresh)
        fresh.rename(file)
    return file


@pytest.fixture(scope="session", params=STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def replayed(request: pytest.FixtureRequest, schema: Path) -> SimpleNamespace:
    """The stack's resources in Terraform's JSON, and what the provider has no word for."""
    keys: Mapping[str, Any] = configuration_of(request.param)
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    environment = {"PULUMI_CONFIG": json.dumps(given), "PYTHONPATH": f"{ROOT}:{ROOT / 'infra'}"}
    command = [sys.executable, "-m", "tests.conformance.replay", str(schema)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(name=request.param.stem.removeprefix("Pulumi."), **json.loads(done.stdout))


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[str]:
    """The address of a server that answers as AWS does, with nothing in it yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with (tmp_path / "moto.log").open("w") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        _wait_for(port)
        address = f"http://127.0.0.1:{port}"
        _load_policies(address)
        yield address
    finally:
        server.terminate()
        server.wait()


def _load_policies(address: str) -> None:
    """Of AWS's own, once: of two first requests at the same time, moto would forget what one of them has made."""
    identity = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("iam", endpoint_url=address, **identity).list_policies(MaxItems=1)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _MOTO_START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"moto does not listen after {_MOTO_START_SECONDS} seconds")
