"""Reads the configuration, and says everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from redis.asyncio.connection import parse_url

from moorage_serving.gateway.config.document import REDIS_ADDRESS
from moorage_serving.gateway.config.gateway import GatewayConfig
from moorage_serving.gateway.config.source import SourceError
from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig
from moorage_serving.gateway.request_log.key_ring import InvalidKeysError, parse_key_ring

if TYPE_CHECKING:
    from moorage_serving.gateway.config.serving import RequestLogConfig
    from moorage_serving.gateway.config.source import ConfigSource

SHOWN_VALUE_CHARACTERS = 80
REDIS_URL = re.compile(REDIS_ADDRESS)
SECRET_KEYS = frozenset({"sha256", "redis_url"})
# pydantic names the member of a union in the path of a finding.
KINDS = frozenset({"openai-http", "sagemaker", "vertex"})


class ConfigError(Exception):
    """It cannot be read, or its content is not a valid configuration. The text is one line."""


@dataclass(frozen=True)
class LoadedConfig:
    """A valid configuration and the SHA-256 (lower-case hex) of the bytes it was read from.

    Its `redis_url` is that of the environment, where the file refers to it.
    """

    config: GatewayConfig
    sha256: str


def load_config(source: ConfigSource) -> LoadedConfig:
    """Read and validate what is there.

    Raises ConfigError that names every bad key with its path, the value given and what is allowed.
    """
    try:
        content = source.read()
    except SourceError as error:
        raise ConfigError(str(error)) from error
    try:
        config = GatewayConfig.model_validate_json(content)
    except ValidationError as error:
        raise ConfigError(f"{source} is not a valid gateway configuration: {describe(error)}") from error
    redis_url, redis_url_problems = find_redis_url(config)
    problems = missing_tokens(config) + redis_url_problems + request_log_problems(config.request_log)
    if problems:
        raise ConfigError(f"{source} cannot be used: {'; '.join(problems)}")
    config = config.model_copy(update={"redis_url": redis_url})
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


def find_redis_url(config: GatewayConfig) -> tuple[str | None, list[str]]:
    """The URL, wherever it stands, and what is wrong with it."""
    key, url = "redis_url", config.redis_url
    if variable := config.redis_url_environment_variable:
        key, url = f"redis_url_environment_variable: {variable}", os.environ.get(variable)
        if url is None:
            return None, [f"{key} must hold the URL, but is not set"]
        if not REDIS_URL.fullmatch(url):
            return None, [f"{key} must hold a URL like redis://host:port/0 (the value given is not shown)"]
    try:
        if url is not None:
            parse_url(url)
    except ValueError as error:
        return None, [f"{key}: {error} (the value given is not shown)"]
    return url, []


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
