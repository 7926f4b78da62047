"""The function that rotates a gateway's key, before a Secrets Manager that answers over HTTP."""

import json
import secrets as random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from tests.contract.aws_programs import VARIANTS, program
from tests.contract.recording import run_program
from tests.moto_server import client, moto_server

from moorage.aws import key_rotation_function
from moorage.aws.key_rotation_function import KEY_PREFIX, RotationEvent, rotate
from moorage.credentials import api_key

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with moto_server(tmp_path_factory.mktemp("moto")) as address:
        yield client("secretsmanager", address)


@pytest.fixture
def arn(secrets: Any) -> str:
    name = f"gateway-key-{random.token_hex(4)}"
    return secrets.create_secret(Name=name, SecretString="moorage-the-first-one-of-its-kind-here")["ARN"]


class Announcing:
    """The client, before a secret that has a pending version without a value: moto makes none such."""

    def __init__(self, secrets: Any, version: str) -> None:
        self._secrets, self._version = secrets, version

    def __getattr__(self, name: str) -> Any:
        return getattr(self._secrets, name)

    def describe_secret(self, **keys: str) -> dict[str, Any]:
        described = self._secrets.describe_secret(**keys)
        described["VersionIdsToStages"].setdefault(self._version, ["AWSPENDING"])
        return described


def new_version() -> str:
    return random.token_hex(16)


def step(arn: str, version: str, name: str) -> RotationEvent:
    return {"SecretId": arn, "ClientRequestToken": version, "Step": name}


def value(secrets: Any, arn: str, stage: str) -> str:
    return secrets.get_secret_value(SecretId=arn, VersionStage=stage)["SecretString"]


def rotated(secrets: Any, arn: str, steps: Iterable[str] = STEPS) -> None:
    version = new_version()
    for name in steps:
        rotate(Announcing(secrets, version), step(arn, version, name))


def test_a_rotation_makes_a_new_key_current_and_the_old_one_the_one_before(secrets: Any, arn: str):
    old = value(secrets, arn, "AWSCURRENT")
    rotated(secrets, arn)
    new = value(secrets, arn, "AWSCURRENT")
    assert new != old
    assert new.startswith(KEY_PREFIX)
    assert value(secrets, arn, "AWSPREVIOUS") == old


def test_a_step_that_comes_twice_does_no_harm(secrets: Any, arn: str):
    rotated(secrets, arn, chain.from_iterable((name, name) for name in STEPS))
    first = value(secrets, arn, "AWSCURRENT")
    rotated(secrets, arn)
    assert value(secrets, arn, "AWSPREVIOUS") == first


def test_no_step_but_the_last_changes_what_clients_get(secrets: Any, arn: str):
    old = value(secrets, arn, "AWSCURRENT")
    rotated(secrets, arn, STEPS[:-1])
    assert value(secrets, arn, "AWSCURRENT") == old


def test_a_key_that_is_none_is_not_made_current(secrets: Any, arn: str):
    version = new_version()
    secrets.put_secret_value(
        SecretId=arn, ClientRequestToken=version, SecretString="short", VersionStages=["AWSPENDING"]
    )
    with pytest.raises(ValueError, match="is no key of a gateway") as raised:
        rotate(secrets, step(arn, version, "testSecret"))
    assert "short" not in str(raised.value)


@pytest.mark.parametrize("name", STEPS)
def test_a_version_that_nobody_has_announced_is_not_rotated(secrets: Any, arn: str, name: str):
    with pytest.raises(ValueError, match="is no pending version"):
        rotate(secrets, step(arn, new_version(), name))


def test_an_unknown_step_is_refused(secrets: Any, arn: str):
    version = new_version()
    with pytest.raises(ValueError, match="askAround is no step"):
        rotate(Announcing(secrets, version), step(arn, version, "askAround"))


def test_its_keys_are_like_those_that_a_stack_makes_up(secrets: Any, arn: str):
    rotated(secrets, arn)
    own = api_key.KEY_PREFIX + random.token_urlsafe(32)
    assert len(value(secrets, arn, "AWSCURRENT")) == len(own)
    assert KEY_PREFIX == api_key.KEY_PREFIX


def test_it_calls_nothing_but_what_its_role_may(secrets: Any, arn: str):
    called: set[str] = set()
    secrets.meta.events.register("before-call.secrets-manager.*", lambda model, **_: called.add(model.name))
    rotated(secrets, arn)
    _, made = run_program(program(VARIANTS["rotated key"]))
    policies = [json.loads(str(found.inputs["policy"])) for found in made.of_type("RolePolicy")]
    actions = {action for policy in policies for part in policy["Statement"] for action in part["Action"]}
    assert {f"secretsmanager:{name}" for name in called} <= actions


def test_the_file_alone_is_what_lambda_needs(tmp_path: Path):
    """Beside boto3, which the runtime has."""
    alone = tmp_path / "key_rotation_function.py"
    alone.write_text(Path(key_rotation_function.__file__).read_text())
    run = "import sys; sys.path.insert(0, sys.argv[1]); import key_rotation_function; key_rotation_function.handler"
    subprocess.run([sys.executable, "-I", "-S", "-c", run, str(tmp_path)], check=True)
