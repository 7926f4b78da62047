"""Reads the configuration file, and says everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from redis.asyncio.connection import parse_url

from moorage_serving.gateway.config.gateway import GatewayConfig
from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig
from moorage_serving.gateway.request_log.key_ring import InvalidKeysError, parse_key_ring

if TYPE_CHECKING:
    from pathlib import Path

    from moorage_serving.gateway.config.serving import RequestLogConfig

SHOWN_VALUE_CHARACTERS = 80
SECRET_KEYS = frozenset({"sha256", "redis_url"})
# pydantic names the member of a union in the path of a finding.
KINDS = frozenset({"openai-http", "sagemaker", "vertex"})


class ConfigError(Exception):
    """The file cannot be read, or its content is not a valid configuration. The text is one line."""


@dataclass(frozen=True)
class LoadedConfig:
    """A valid configuration and the SHA-256 (lower-case hex) of the bytes it was read from."""

    config: GatewayConfig
    sha256: str


def load_config(path: Path) -> LoadedConfig:
    """Read and validate `path`.

    Raises ConfigError that names every bad key with its path, the value given and what is allowed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    try:
        config = GatewayConfig.model_validate_json(content)
    except ValidationError as error:
        raise ConfigError(f"{path} is not a valid gateway configuration: {describe(error)}") from error
    problems = missing_tokens(config) + redis_problems(config.redis_url) + request_log_problems(config.request_log)
    if problems:
        raise ConfigError(f"{path} cannot be used: {'; '.join(problems)}")
    return LoadedConfig(config, hashlib.sha256(content).hexdigest())


def missing_tokens(config: GatewayConfig) -> list[str]:
    """What to say about engines' tokens that the environment lacks."""
    return [
        f"upstreams[{index}].authentication: the environment variable {variable} must hold the token, but is not set"
        for index, upstream in enumerate(config.upstreams)
        if isinstance(upstream, OpenAIHttpUpstreamConfig)
        and upstream.authentication is not None
        and not os.environ.get(variable := upstream.authentication.bearer_token_environment_variable)
    ]


def redis_problems(url: str | None) -> list[str]:
    """What the client library says about a URL that fits the contract's pattern."""
    if url is None:
        return []
    try:
        parse_url(url)
    except ValueError as error:
        return [f"redis_url: {error} (the value given is not shown)"]
    return []


def request_log_problems(config: RequestLogConfig | None) -> list[str]:
    """What is wrong with the request log's keys, and its folder."""
    if config is None:
        return []
    problems: list[str] = []
    variable = config.key_environment_variable
    try:
        parse_key_ring(os.environ.get(variable, ""))
    except InvalidKeysError as error:
        problems.append(f"request_log.key_environment_variable: {variable}: {error}")
    if not os.access(config.folder, os.W_OK | os.X_OK):
        problems.append(f"request_log.folder: {config.folder} is no folder that can be written")
    return problems


def describe(error: ValidationError) -> str:
    """All findings in one line: `path: what is allowed (given: value); …`."""
    return "; ".join(_describe_one(item["loc"], item["msg"], item["input"]) for item in error.errors(include_url=False))


def _describe_one(location: tuple[int | str, ...], message: str, given: object) -> str:
    parts = [part for part in location if part not in KINDS]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    if not path or isinstance(given, dict):
        return f"{path}: {message}" if path else message
    if SECRET_KEYS.intersection(location):
        return f"{path}: {message} (the value given is not shown)"
    return f"{path}: {message} (given: {repr(given)[:SHOWN_VALUE_CHARACTERS]})"
