"""What an activator is told: one JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]+$")]


class SettingsError(Exception):
    """The file cannot be read, or is not valid. The text is one line."""


class ActivatorSettings(BaseModel):
    """Which engine, where it is, and when it is idle."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    upstream: Annotated[str, StringConstraints(min_length=1)]
    """The engine's name, for gateways and for the supervisor."""
    socket: AbsolutePath
    """Where the engine listens."""
    withdrawn_socket: AbsolutePath
    """In the same directory: where the socket is moved before the engine is stopped."""
    log_file: AbsolutePath
    """The engine's own log, which says how far a start is."""
    supervisor_socket: AbsolutePath
    """Where supervisord, which runs the engine, listens."""
    idle_seconds: Annotated[float, Field(gt=0)]
    """The engine is stopped after so long without a request."""


def load_settings(path: Path) -> ActivatorSettings:
    """Raises SettingsError that names every bad key."""
    try:
        return ActivatorSettings.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found)
        raise SettingsError(f"{path} is not valid: {problems}") from error
