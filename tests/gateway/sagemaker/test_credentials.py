"""Credentials come from wherever the SDK finds them, and are replaced before they expire or when they are refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.upstream import sagemaker_credentials
from moorage_serving.gateway.upstream.connections import ConnectError
from tests.gateway.transports import CHAT, HEADERS, chat, eventually, read_all

from .conftest import KEY_ID, SECRET
from .credential_sources import AGENT_TOKEN, ROLE_ARN, CredentialSources
from .signature import Key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport

    from .front_door import FrontDoor

    Door = tuple[FrontDoor, str]
    Sources = tuple[CredentialSources, str]

pytestmark = pytest.mark.anyio
# New ones are fetched from 15 minutes before the end on, and waited for from 10 minutes on.
ADVISORY, MANDATORY = timedelta(minutes=12), timedelta(minutes=5)


@pytest.fixture
async def sources(front_door: Door, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sources]:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    opened = CredentialSources(front_door[0].keys)
    yield opened, await opened.start()
    await opened.stop()


@pytest.fixture
def container(sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CredentialSources:
    """EKS Pod Identity: the agent's address, and a token in a file."""
    (tmp_path / "agent-token").write_text(AGENT_TOKEN)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{sources[1]}/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "agent-token"))
    return sources[0]


@pytest.fixture
def identity_token(sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """IRSA: a role, and a service account's token in a file that Kubernetes replaces."""
    path = tmp_path / "identity-token"
    path.write_text(sources[0].identity_token)
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE_ARN)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"{sources[1]}/sts/")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return path


def replace(path: Path, text: str) -> None:
    path.write_text(text)


async def ask(transport: SageMakerTransport) -> int:
    answer = await transport.send(CHAT, chat(), HEADERS)
    await read_all(answer)
    return answer.status


async def test_a_containers_credentials_are_fetched_once_for_many_requests(
    transport: SageMakerTransport, container: CredentialSources
) -> None:
    assert await asyncio.gather(*(ask(transport) for _ in range(20))) == [200] * 20
    assert len(container.issued) == 1


async def test_an_instances_credentials_are_found(
    transport: SageMakerTransport, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", sources[1])
    assert await ask(transport) == 200
    assert len(sources[0].issued) == 1


async def test_a_service_accounts_token_is_exchanged_and_read_anew(
    transport: SageMakerTransport, sources: Sources, identity_token: Path
) -> None:
    sources[0].lifetime = MANDATORY
    assert await ask(transport) == 200
    sources[0].identity_token = "second"
    replace(identity_token, "second")
    assert await ask(transport) == 200
    assert len(sources[0].issued) >= 2


@pytest.mark.parametrize("lifetime", [ADVISORY, MANDATORY])
async def test_credentials_are_replaced_before_they_expire(
    transport: SageMakerTransport, container: CredentialSources, front_door: Door, lifetime: timedelta
) -> None:
    container.lifetime = lifetime
    assert await ask(transport) == 200
    issued_before = len(container.issued)
    container.lifetime = timedelta(hours=6)
    assert await asyncio.gather(*(ask(transport) for _ in range(5))) == [200] * 5
    await eventually(lambda: len(container.issued) == issued_before + 1)
    async with asyncio.timeout(10):
        while container.issued[-1] not in front_door[0].received[-1].headers["authorization"]:
            await ask(transport)
    assert len(container.issued) == issued_before + 1


async def test_old_credentials_serve_while_new_ones_cannot_be_had(
    transport: SageMakerTransport, container: CredentialSources
) -> None:
    container.lifetime = ADVISORY
    assert await ask(transport) == 200
    container.broken = True
    assert await ask(transport) == 200


@pytest.mark.long
async def test_without_credentials_no_engine_is_reached(
    transport: SageMakerTransport, container: CredentialSources
) -> None:
    container.broken = True
    with pytest.raises(ConnectError, match=r"^AWS credentials: CredentialRetrievalError$"):
        await transport.send(CHAT, chat(), HEADERS)
    assert await transport.probe(30) == "unreachable: AWS credentials: CredentialRetrievalError"


async def test_credentials_that_lack_a_part_are_named(
    transport: SageMakerTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConnectError, match=r"^AWS credentials: PartialCredentialsError$"):
        await transport.send(CHAT, chat(), HEADERS)


async def test_credentials_in_a_file_are_read_again_when_refused(
    transport: SageMakerTransport, front_door: Door, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(sagemaker_credentials, "SEARCH_INTERVAL_SECONDS", 0)
    profile = tmp_path / "credentials"
    replace(profile, f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    assert await ask(transport) == 200

    front_door[0].keys = {"AKIDROTATED": Key("rotated")}
    with pytest.raises(ConnectError, match="UnrecognizedClientException"):
        await transport.send(CHAT, chat(), HEADERS)

    replace(profile, "[default]\naws_access_key_id = AKIDROTATED\naws_secret_access_key = rotated\n")
    assert await asyncio.gather(*(ask(transport) for _ in range(10))) == [200] * 10


async def test_refused_credentials_are_not_looked_up_by_every_request(
    transport: SageMakerTransport, container: CredentialSources, front_door: Door
) -> None:
    front_door[0].keys = {}
    for _ in range(5):
        with pytest.raises(ConnectError, match="UnrecognizedClientException"):
            await transport.send(CHAT, chat(), HEADERS)
    assert len(container.issued) == 1


async def test_a_session_token_is_in_no_error(
    transport: SageMakerTransport, container: CredentialSources, front_door: Door
) -> None:
    assert await ask(transport) == 200
    key_id = container.issued[-1]
    front_door[0].keys[key_id] = Key("another", front_door[0].keys[key_id].session_token)
    with pytest.raises(ConnectError, match=r"^InvalidSignatureException$"):
        await transport.send(CHAT, chat(), HEADERS)


async def test_without_any_source_no_engine_is_reached(
    transport: SageMakerTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConnectError, match=r"^AWS credentials: none found$"):
        await transport.send(CHAT, chat(), HEADERS)
