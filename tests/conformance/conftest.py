"""Every stack on AWS, as Terraform's provider sees it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.moto_server import client, moto_server

from .terraform import PROVIDER_VERSION, Terraform

ROOT = Path(__file__).parents[2]


def configuration_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["config"]


STACKS = [path for path in sorted((ROOT / "stacks").glob("*.yaml")) if configuration_of(path)["moorage:cloud"] == "aws"]


def stack_name(path: Path) -> str:
    return path.stem.removeprefix("Pulumi.")


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


# Whatever looks at one stack is one process's, which replays it once.
@pytest.fixture(
    scope="session",
    params=[
        pytest.param(path, id=stack_name(path), marks=pytest.mark.xdist_group(stack_name(path))) for path in STACKS
    ],
)
def stack(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="session")
def replayed(stack: Path, schema: Path) -> SimpleNamespace:
    """The stack's resources in Terraform's JSON, and what the provider has no word for."""
    return replay(configuration_of(stack), schema)


@pytest.fixture(scope="session")
def tagged_anew(stack: Path, schema: Path) -> SimpleNamespace:
    """The same stack, with other tags in its file."""
    keys = configuration_of(stack)
    return replay({**keys, "moorage:aws": {**keys["moorage:aws"], "tags": {"team": "harbour"}}}, schema)


def replay(keys: Mapping[str, Any], schema: Path) -> SimpleNamespace:
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    environment = {"PULUMI_CONFIG": json.dumps(given), "PYTHONPATH": f"{ROOT}:{ROOT / 'infra'}"}
    command = [sys.executable, "-m", "tests.conformance.replay", str(schema)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[str]:
    """The address of a server with nothing in it but AWS's own policies, loaded."""
    with moto_server(tmp_path) as address:
        # Once, and not by two first requests at the same time, of which moto would forget what one has made.
        client("iam", address).list_policies(MaxItems=1)
        yield address
