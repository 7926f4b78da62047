"""A real server with the configuration of `KubernetesValkey`, and the real gateway as its client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import redis

from moorage.credentials.certificates import IssuedCertificate, issue_server_certificate
from moorage.kubernetes.cache_objects import CONFIGURATION_FOLDER, DATA_FOLDER, PORT, CacheObjects, valkey_configuration
from moorage.kubernetes.cache_spec import CacheSpec

from .processes import PATIENCE_SECONDS, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import EngineRoom

PASSWORD = "password-of-the-tests"
CHAT = "/v1/chat/completions"
SPEC = CacheSpec.model_validate({"image": "valkey/valkey@sha256:" + "0123456789abcdef" * 4})


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    port: int
    issued: IssuedCertificate

    @property
    def url(self) -> str:
        return f"rediss://:{PASSWORD}@localhost:{self.port}/0"

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.crt")

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, ssl_ca_certs=self.ca_file)

    def probe(self, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        """As the pod's probes ask."""
        template = CacheObjects("cache", "harbour", SPEC).stateful_set("secret")["spec"]["template"]
        command = template["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
        here = [self.here(part) for part in ["redis-cli", *command[1:]]]
        environment = {**os.environ, "REDISCLI_AUTH": password}
        return subprocess.run(here, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    def here(self, text: str) -> str:
        return (
            text.replace(CONFIGURATION_FOLDER, str(self.folder))
            .replace(DATA_FOLDER, str(self.folder))
            .replace(str(PORT), str(self.port))
        )


@pytest.fixture(scope="module")
def server(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Server(tmp_path_factory.mktemp("valkey"), port, issue_server_certificate(["localhost"]))
    files = {
        "valkey.conf": running.here(valkey_configuration(SPEC, PASSWORD)),
        "tls.crt": running.issued.certificate,
        "tls.key": running.issued.private_key,
        "ca.crt": running.issued.ca_certificate,
    }
    for name, content in files.items():
        (running.folder / name).write_text(content)
    process = subprocess.Popen([redis_server, str(running.folder / "valkey.conf")], stdout=subprocess.DEVNULL)
    eventually(lambda: running.probe().returncode == 0)
    yield running
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0


def test_the_gateway_keeps_answers_and_limits_in_it(server: Server, config_path: Path, engine_room: EngineRoom) -> None:
    with engine_room.engine() as engine:
        settings = {
            "redis_url_environment_variable": "REDIS_URL",
            "cache": {},
            "authentication": "none",
            "tenants": [{"id": "anonymous", "requests_per_minute": 1000}],
        }
        config = {**document(upstream("engine", engine.address)), **settings}
        config_path.write_text(json.dumps({**config, "keys": []}))
        environment = {"SSL_CERT_FILE": server.ca_file, "REDIS_URL": server.url}
        with Gateway(config_path, environment=environment, is_patient=True) as gateway:
            eventually(lambda: gateway.metric("redis_available") == 1)
            body = {**chat(), "temperature": 0}
            assert gateway.client.post(CHAT, json=body).headers["x-ratelimit-limit-requests"] == "1000"
            eventually(lambda: "hit" in gateway.client.post(CHAT, json=body).headers["cache-status"])
            assert gateway.metric("quota_counted_locally") == 0
    with server.client() as client:
        assert client.exists("moorage:quota:{anonymous}:window")


def test_a_gateway_that_does_not_know_the_authority_does_not_trust_the_server(
    server: Server, config_path: Path, engine_room: EngineRoom, tmp_path: Path
) -> None:
    (tmp_path / "other.pem").write_text(issue_server_certificate(["localhost"]).ca_certificate)
    with engine_room.engine() as engine:
        config_path.write_text(json.dumps(document(upstream("engine", engine.address), redis_url=server.url)))
        with Gateway(config_path, environment={"SSL_CERT_FILE": str(tmp_path / "other.pem")}) as gateway:
            eventually(lambda: gateway.metric("redis_failures_total", reason="connection") >= 1)
            assert gateway.metric("redis_available") == 0


def test_its_probe_sees_that_it_answers_and_fails_where_it_does_not(server: Server) -> None:
    assert server.probe().stdout == "PONG\n"
    assert server.probe("wrong").returncode != 0


@pytest.mark.long
def test_nobody_connects_without_tls(server: Server) -> None:
    with redis.Redis(port=server.port, password=PASSWORD, socket_timeout=2) as client, pytest.raises(redis.RedisError):
        client.ping()


@pytest.mark.parametrize(
    "command", [("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*"), ("ACL", "LIST"), ("SET", "other", "1")]
)
def test_the_gateways_password_is_for_its_own_keys_and_no_administration(
    server: Server, command: tuple[str, ...]
) -> None:
    with server.client() as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_a_full_server_refuses_and_forgets_nothing(server: Server) -> None:
    fillers = [f"moorage:filler:{number}" for number in range(200)]
    with server.client() as client:

        def fill() -> None:
            for filler in fillers:
                client.set(filler, os.urandom(2**20), ex=60)

        client.set("moorage:quota:{acme}:month", "12345", ex=60)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill()
        assert client.get("moorage:quota:{acme}:month") == b"12345"
        client.delete(*fillers)
