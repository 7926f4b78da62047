"""Keys that Secrets Manager holds and changes: a real gateway before a real protocol."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from moorage_serving.gateway.rotated_keys import LOOK_AGAIN_SECONDS, STAGES
from tests.moto_server import ENVIRONMENT, client, moto_server

from .processes import DEAD_ADDRESS, KEY, Gateway, RunningEngine, chat, document, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRANGERS = 20
FIRST, SECOND, THIRD = "moorage-first", "moorage-second", "moorage-third"


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[str]:
    with moto_server(tmp_path) as address:
        yield address


@pytest.fixture
def secrets(moto: str) -> Any:
    return client("secretsmanager", moto)


@pytest.fixture
def arn(secrets: Any) -> str:
    return secrets.create_secret(Name="harbour/gateway-key", SecretString=FIRST)["ARN"]


@contextmanager
def gateway_before(engine: RunningEngine, arn: str, address: str, folder: Path, **more: Any) -> Iterator[Gateway]:
    content = document(upstream("tcp", engine.address), rotated_keys=[{"id": "pilots", "secret_arn": arn}], **more)
    gateway = Gateway(folder / "gateway.json", environment={**ENVIRONMENT, "AWS_ENDPOINT_URL": address})
    gateway.write_config(content)
    with gateway:
        yield gateway


def status(gateway: Gateway, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"}
    return gateway.client.post("/v1/chat/completions", json=chat(), headers=headers).status_code


def rotate(secrets: Any, arn: str, key: str) -> None:
    """The last step of a rotation."""
    secrets.put_secret_value(SecretId=arn, SecretString=key)


def test_the_secrets_key_is_let_in_beside_those_of_the_document(
    engine: RunningEngine, arn: str, moto: str, tmp_path: Path
):
    with gateway_before(engine, arn, moto, tmp_path) as gateway:
        assert (status(gateway, FIRST), status(gateway, KEY), status(gateway, SECOND)) == (200, 200, 401)
        assert gateway.client.get("/v1/models", headers={"authorization": f"Bearer {FIRST}"}).status_code == 200


def test_a_document_needs_no_key_of_its_own(engine: RunningEngine, arn: str, moto: str, tmp_path: Path):
    with gateway_before(engine, arn, moto, tmp_path, keys=[]) as gateway:
        assert (status(gateway, FIRST), status(gateway, KEY)) == (200, 401)


@pytest.mark.long
def test_a_new_key_is_let_in_from_its_first_request_and_the_one_before_until_the_next(
    engine: RunningEngine, arn: str, moto: str, tmp_path: Path, secrets: Any
):
    with gateway_before(engine, arn, moto, tmp_path) as gateway:
        assert status(gateway, FIRST) == 200
        rotate(secrets, arn, SECOND)
        assert (status(gateway, SECOND), status(gateway, FIRST)) == (200, 200)
        rotate(secrets, arn, THIRD)
        assert (status(gateway, THIRD), status(gateway, SECOND), status(gateway, FIRST)) == (200, 200, 401)


def test_a_key_that_is_on_its_way_is_let_in_already(
    engine: RunningEngine, arn: str, moto: str, tmp_path: Path, secrets: Any
):
    with gateway_before(engine, arn, moto, tmp_path) as gateway:
        secrets.put_secret_value(SecretId=arn, SecretString=SECOND, VersionStages=["AWSPENDING"])
        assert status(gateway, SECOND) == 200


@pytest.mark.long
def test_without_an_answer_clients_are_told_to_try_again_and_not_that_their_key_is_wrong(
    engine: RunningEngine, arn: str, tmp_path: Path
):
    with gateway_before(engine, arn, DEAD_ADDRESS, tmp_path) as gateway:
        refused = gateway.client.post("/v1/chat/completions", json=chat(), headers={"authorization": "Bearer x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "keys_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert status(gateway, KEY) == 200


@pytest.mark.long
def test_strangers_together_cause_one_look_in_two_seconds(engine: RunningEngine, arn: str, moto: str, tmp_path: Path):
    with gateway_before(engine, arn, moto, tmp_path) as gateway:
        assert status(gateway, FIRST) == 200
        asked_at, before = time.monotonic(), len((tmp_path / "moto.log").read_text().splitlines())
        with ThreadPoolExecutor(STRANGERS) as strangers:
            asked = [strangers.submit(status, gateway, f"stranger-{number}") for number in range(STRANGERS)]
        assert {each.result() for each in asked} == {401}
        calls = len((tmp_path / "moto.log").read_text().splitlines()) - before
        assert calls / len(STAGES) <= (time.monotonic() - asked_at) / LOOK_AGAIN_SECONDS + 1
