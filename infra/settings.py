"""What a stack is built from: its configuration and this machine's surroundings. The one reader of both."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.runtime.config import get_config_env

from configuration import Configuration
from moorage.spec import parse

_PLAIN_KEYS = ("cloud", "option", "platform")


@dataclass(frozen=True)
class Settings:
    """Validated, and with the paths of this checkout."""

    stack: str
    configuration: Configuration
    given: Mapping[str, object]
    """The configuration as the user wrote it, for components that parse their own part of it."""
    root: Path
    cache_directory: Path


def read_settings() -> Settings:
    """Raises `moorage.spec.SpecError` with everything that is wrong in the stack's configuration."""
    given = _given()
    return Settings(
        stack=pulumi.get_stack(),
        configuration=parse(Configuration, given, ""),
        given=given,
        root=Path(__file__).resolve().parents[1],
        cache_directory=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage",
    )


def _given() -> dict[str, object]:
    """All keys below the project's name. What is empty is Pulumi.yaml's default and no choice of the user's."""
    prefix = f"{pulumi.get_project()}:"
    own = {key.removeprefix(prefix): value for key, value in get_config_env().items() if key.startswith(prefix)}
    decoded = {key: value if key in _PLAIN_KEYS else _decode(value) for key, value in own.items()}
    return {key: value for key, value in decoded.items() if value != {} and (key, value) != ("platform", "")}


def _decode(value: str) -> object:
    """Pulumi hands over a string as it is, and everything else as JSON."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
