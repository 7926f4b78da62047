"""Tokens come from wherever google-auth finds credentials, and are renewed before they expire or when refused."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata

from moorage_serving.gateway.upstream import vertex_token
from moorage_serving.gateway.upstream.connections import ConnectError
from tests.gateway.transports import CHAT, HEADERS, chat, eventually, read_all

from .token_servers import ACCOUNT, ASSERTION_AUDIENCE, AUDIENCE, SCOPE, TokenServers, private_key_pem

if TYPE_CHECKING:
    from pathlib import Path

    from moorage_serving.gateway.upstream.vertex import VertexTransport

    from .front_door import FrontDoor

    Door = tuple[FrontDoor, str]

pytestmark = pytest.mark.anyio
# Within google-auth's threshold of renewal (3:45), but not expired.
NEARLY_EXPIRED_SECONDS = 200


async def ask(transport: VertexTransport) -> int:
    answer = await transport.send(CHAT, chat(), HEADERS)
    await read_all(answer)
    return answer.status


def an_hour_passes(tokens: TokenServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the gateway alone: its token has expired. The next one will last longer."""
    lifetime_seconds = tokens.lifetime_seconds
    tokens.lifetime_seconds = 10 * lifetime_seconds
    later = SimpleNamespace(time=lambda: time.time() + lifetime_seconds, monotonic=time.monotonic)
    monkeypatch.setattr(vertex_token, "time", later)


def used_token(front_door: Door) -> str:
    return front_door[0].received[-1][2]["authorization"]


async def test_a_service_accounts_token_serves_many_requests(transport: VertexTransport, tokens: TokenServers) -> None:
    assert await asyncio.gather(*(ask(transport) for _ in range(20))) == [200] * 20
    assert tokens.requests == 1


async def test_a_token_is_renewed_beside_the_requests_that_use_it(
    transport: VertexTransport, tokens: TokenServers, front_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vertex_token, "RETRY_SECONDS", 0)
    tokens.lifetime_seconds = NEARLY_EXPIRED_SECONDS
    assert await ask(transport) == 200
    tokens.lifetime_seconds = 3600
    assert await asyncio.gather(*(ask(transport) for _ in range(5))) == [200] * 5
    await eventually(lambda: tokens.requests == 2)
    await eventually(lambda: len(tokens.valid_until) == 2)
    await asyncio.sleep(0.1)  # for the answer to arrive; the old token would do as well
    assert await ask(transport) == 200
    assert tokens.requests == 2


async def test_a_nearly_expired_token_serves_while_the_server_is_down(
    transport: VertexTransport, tokens: TokenServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vertex_token, "RETRY_SECONDS", 0)
    tokens.lifetime_seconds = NEARLY_EXPIRED_SECONDS
    assert await ask(transport) == 200
    tokens.broken = True
    assert [await ask(transport) for _ in range(3)] == [200] * 3
    await eventually(lambda: tokens.requests > 1)
    assert await ask(transport) == 200


async def test_an_expired_token_is_waited_for(
    transport: VertexTransport, tokens: TokenServers, front_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ask(transport) == 200
    an_hour_passes(tokens, monkeypatch)
    assert await asyncio.gather(*(ask(transport) for _ in range(5))) == [200] * 5
    assert (tokens.requests, used_token(front_door)) == (2, "Bearer ya29.token-2")


async def test_a_revoked_token_is_renewed_within_the_request(
    transport: VertexTransport, tokens: TokenServers, front_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vertex_token, "RETRY_SECONDS", 0)
    assert await ask(transport) == 200
    tokens.revoke_all()
    monkeypatch.setattr(vertex_token, "RETRY_SECONDS", 60)  # all of these share one renewal
    assert await asyncio.gather(*(ask(transport) for _ in range(10))) == [200] * 10
    assert (tokens.requests, used_token(front_door)) == (2, "Bearer ya29.token-2")


async def test_tokens_that_are_refused_again_and_again_are_not_asked_for_by_every_request(
    transport: VertexTransport, tokens: TokenServers
) -> None:
    tokens.lifetime_seconds = 3600
    assert await ask(transport) == 200
    for _ in range(5):
        tokens.revoke_all()
        with pytest.raises(ConnectError, match=r"^UNAUTHENTICATED$"):
            await transport.send(CHAT, chat(), HEADERS)
    assert tokens.requests == 1


async def test_the_loop_goes_on_while_a_token_is_fetched(
    transport: VertexTransport, tokens: TokenServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching, go_on = threading.Event(), threading.Event()
    refreshed = vertex_token.AccessToken._refreshed

    def held_back(token: vertex_token.AccessToken) -> object:
        fetching.set()
        assert go_on.wait(30)
        return refreshed(token)

    monkeypatch.setattr(vertex_token.AccessToken, "_refreshed", held_back)
    requests = [asyncio.create_task(ask(transport)) for _ in range(3)]
    await eventually(fetching.is_set)
    requests[0].cancel()  # its client left; the others still want the token
    go_on.set()
    assert await asyncio.gather(*requests[1:]) == [200, 200]
    assert tokens.requests == 1


async def test_workload_identity_is_exchanged_and_read_anew(
    transport: VertexTransport, tokens: TokenServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_workload_identity(tokens, monkeypatch, tmp_path)
    assert await ask(transport) == 200
    tokens.identity_token = "replaced"
    write(tmp_path / "identity-token", "replaced")
    an_hour_passes(tokens, monkeypatch)
    assert await ask(transport) == 200
    assert tokens.requests == 2


def use_workload_identity(tokens: TokenServers, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    write(folder / "identity-token", tokens.identity_token)
    document = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{tokens.address}/sts",
        "credential_source": {"file": str(folder / "identity-token")},
    }
    write(folder / "external.json", json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "external.json"))


async def test_a_key_that_was_replaced_is_read_anew(
    transport: VertexTransport, tokens: TokenServers, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ask(transport) == 200
    an_hour_passes(tokens, monkeypatch)
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens.public_key = another.public_key()
    with pytest.raises(ConnectError, match="RefreshError"):
        await transport.send(CHAT, chat(), HEADERS)
    replace_key(key_file, another)
    assert await ask(transport) == 200


def replace_key(key_file: Path, key: rsa.RSAPrivateKey) -> None:
    document = json.loads(key_file.read_bytes())
    write(key_file, json.dumps({**document, "private_key": private_key_pem(key)}))


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_a_machine_of_googles_has_a_token(
    transport: VertexTransport, tokens: TokenServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_IP", tokens.address.removeprefix("http://"))
    # Read from the environment when google-auth is imported.
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", tokens.address.removeprefix("http://"))
    assert await ask(transport) == 200
    assert tokens.requests == 1


async def test_without_credentials_no_engine_is_reached(
    transport: VertexTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    with pytest.raises(ConnectError, match=r"^Google credentials: DefaultCredentialsError$"):
        await transport.send(CHAT, chat(), HEADERS)
    assert await transport.probe(30) == "unreachable: Google credentials: DefaultCredentialsError"


async def test_a_refused_key_is_named_and_nothing_of_it(
    transport: VertexTransport, tokens: TokenServers, key_file: Path
) -> None:
    replace_key(key_file, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with pytest.raises(ConnectError, match=r"^Google credentials: RefreshError$"):
        await transport.send(CHAT, chat(), HEADERS)
    assert tokens.requests == 0


def claims(**changes: object) -> dict[str, object]:
    """Times are seconds from now."""
    right: dict[str, object] = {"iss": ACCOUNT, "aud": ASSERTION_AUDIENCE, "iat": 0, "exp": 3600, "scope": SCOPE}
    now = int(time.time())
    given = {name: value for name, value in (right | changes).items() if value is not None}
    return {name: now + value if isinstance(value, int) else value for name, value in given.items()}


async def test_the_token_server_takes_a_right_assertion(tokens: TokenServers, account_key: rsa.RSAPrivateKey) -> None:
    tokens.check_assertion(jwt.encode(claims(), account_key, "RS256"))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere/token"},
        {"iss": "somebody@else"},
        {"scope": "openid"},
        {"scope": None},
        {"exp": None},
        {"exp": -60},
        {"exp": 7200},
        {"iat": 600, "exp": 1200},
    ],
    ids=["audience", "issuer", "scope", "no-scope", "no-expiry", "expired", "too-long", "not-yet"],
)
async def test_the_token_server_refuses_a_wrong_assertion(
    tokens: TokenServers, account_key: rsa.RSAPrivateKey, changes: dict[str, object]
) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        tokens.check_assertion(jwt.encode(claims(**changes), account_key, "RS256"))


async def test_the_token_server_refuses_another_algorithm(tokens: TokenServers) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        tokens.check_assertion(jwt.encode(claims(), "x" * 32, "HS256"))
