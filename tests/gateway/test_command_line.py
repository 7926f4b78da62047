"""The command says in one line what is wrong with what it was given, and which port it took."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from .processes import (
    DEAD_ADDRESS,
    PATIENCE_SECONDS,
    REPOSITORY,
    Gateway,
    RunningEngine,
    chat,
    document,
    eventually,
    upstream,
)
from .raw import connection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXAMPLE = REPOSITORY / "serving_image" / "gateway.example.json"


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "moorage_serving.gateway", "serve", *arguments]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={
            "PYTHONPATH": str(REPOSITORY / "serving_image"),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **(environment or {}),
        },
    )


def test_help_names_every_option() -> None:
    result = run("--help")
    assert result.returncode == 0
    for option in ("--config", "--host", "--port", "--log-level", "--reuse-port", "--drain-seconds"):
        assert option in result.stdout


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    result = run("--config", str(tmp_path / "missing.json"))
    assert result.returncode == 2
    assert result.stderr == f"error: cannot read {tmp_path / 'missing.json'}: No such file or directory\n"


def test_every_bad_key_is_named_with_its_value_and_what_is_allowed(config_path: Path) -> None:
    bad = {"name": "-x", "kind": "openai-http", "address": "ftp://x", "model": "", "revision": "1", "surplus": 1}
    secret = "not-a-hash-but-perhaps-the-key-itself"
    content = {
        "version": 2,
        "upstreams": [bad, {"kind": "grpc"}],
        "keys": [{"id": "a", "sha256": secret}],
        "timeouts": {"connect_seconds": 0},
        "max_request_body_bytes": "10",
    }
    config_path.write_text(json.dumps(content))
    result = run("--config", str(config_path))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    for expected in (
        "version: Input should be less than or equal to 1 (given: 2)",
        "upstreams[0].name: String should match pattern",
        "(given: '-x')",
        "upstreams[1]: Input tag 'grpc' found using 'kind' does not match any of the expected tags: 'openai-http'",
        "upstreams[0].address: ",
        "upstreams[0].model: String should have at least 1 character (given: '')",
        "upstreams[0].surplus: Extra inputs are not permitted",
        "keys[0].sha256: ",
        "timeouts.connect_seconds: Input should be greater than 0 (given: 0)",
        "max_request_body_bytes: Input should be a valid integer (given: '10')",
    ):
        assert expected in result.stderr
    assert secret not in result.stderr
    assert "Traceback" not in result.stderr


def test_names_that_are_given_twice(config_path: Path) -> None:
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), upstream("a", DEAD_ADDRESS))))
    result = run("--config", str(config_path))
    assert result.returncode == 2
    assert "upstreams[].name: must be unique, given twice: a" in result.stderr


def test_a_token_variable_that_is_not_set(config_path: Path) -> None:
    token = {"bearer_token_environment_variable": "SURELY_NOT_SET"}
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS, authentication=token))))
    result = run("--config", str(config_path))
    assert result.returncode == 2
    assert "upstreams[0].authentication" in result.stderr
    assert "SURELY_NOT_SET" in result.stderr


@pytest.mark.parametrize(
    ("value", "problem"),
    [(None, "must hold the URL, but is not set"), ("http://secret@h", "must hold a URL like redis://host:port/0")],
)
def test_a_redis_variable_without_a_url(config_path: Path, value: str | None, problem: str) -> None:
    config = document(upstream("a", DEAD_ADDRESS), redis_url_environment_variable="REDIS_URL")
    config_path.write_text(json.dumps(config))
    result = run("--config", str(config_path), environment={} if value is None else {"REDIS_URL": value})
    assert result.returncode == 2
    assert f"redis_url_environment_variable: REDIS_URL {problem}" in result.stderr
    assert "secret" not in result.stderr


def test_redis_is_given_in_one_way(config_path: Path) -> None:
    both = {"redis_url": "redis://h", "redis_url_environment_variable": "REDIS_URL"}
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), **both)))
    result = run("--config", str(config_path))
    assert "redis_url_environment_variable: must not be given together with redis_url" in result.stderr


def test_a_port_that_is_in_use(config_path: Path) -> None:
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS))))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--config", str(config_path), "--port", str(port))
    assert result.returncode == 1
    assert result.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_port_zero_takes_a_free_port_and_the_example_is_valid() -> None:
    with Gateway(EXAMPLE, environment={"ENGINE_TOKEN": "token"}) as gateway:
        assert gateway.port > 0
        assert gateway.client.get("/health").status_code == 200
        # Nothing runs where the example points to: alive, but not ready, and it says why.
        report = gateway.client.get("/ready")
        assert report.status_code == 503
        assert all(upstream["problem"].startswith("unreachable") for upstream in report.json()["upstreams"])


def test_the_document_may_stand_in_the_environment(engine: RunningEngine):
    """As containers get it that have no files."""
    content = json.dumps(document(upstream("tcp", engine.address)))
    variable = "MOORAGE_GATEWAY_DOCUMENT"
    with Gateway(None, ("--config-variable", variable), {variable: content}) as gateway:
        assert gateway.client.post("/v1/chat/completions", json=chat()).status_code == 200
        gateway.signal(signal.SIGHUP)
        eventually(lambda: len(gateway.events("config_active")) == 2)


def test_an_idle_connection_stays_open_for_as_long_as_is_said(engine: RunningEngine):
    """Longer than a load balancer keeps it, which else sends a request into a connection that is being closed."""
    variable, content = "MOORAGE_GATEWAY_DOCUMENT", json.dumps(document(upstream("tcp", engine.address)))
    arguments = ("--config-variable", variable, "--keep-alive-seconds", "1")
    with Gateway(None, arguments, {variable: content}) as gateway, connection(gateway) as sock:
        asked_at = time.monotonic()
        sock.sendall(b"GET /health HTTP/1.1\r\nhost: gateway\r\n\r\n")
        assert b"200" in sock.recv(4096)
        assert sock.recv(1) == b""
        assert 0.9 < time.monotonic() - asked_at < PATIENCE_SECONDS / 2  # of the 75 seconds that it would else


def test_a_variable_that_is_not_set_is_named():
    result = run("--config-variable", "MOORAGE_GATEWAY_DOCUMENT")
    assert result.returncode == 2
    assert "the environment variable MOORAGE_GATEWAY_DOCUMENT must hold the configuration" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--config", "gateway.json", "--config-variable", "DOCUMENT")])
def test_there_is_one_place_for_the_document(arguments: tuple[str, ...]):
    result = run(*arguments)
    assert result.returncode == 2
    assert "exactly one of --config and --config-variable must be given" in result.stderr
