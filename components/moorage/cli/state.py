"""What a stack's state says of the resources that a cloud has made."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, JsonValue, ValidationError

from moorage.cli.problems import CommandError
from moorage.cli.recording import SIGNATURE


class Made(NamedTuple):
    """A resource that there is."""

    id: str
    outputs: Mapping[str, JsonValue]
    """Without secrets, which the state has encrypted."""


class _Resource(BaseModel):
    urn: str
    type: str
    id: str | None = None
    outputs: Annotated[dict[str, JsonValue], Field(default_factory=dict[str, JsonValue])]


class _Deployment(BaseModel):
    resources: Annotated[list[_Resource], Field(default_factory=list[_Resource])]


class _Checkpoint(BaseModel):
    deployment: _Deployment


def read_state(file: Path) -> Mapping[tuple[str, str], Made]:
    """By type and name, as `pulumi stack export` writes it; what shares both with another is left out.

    Raises `CommandError` where the file is none of Pulumi's.
    """
    try:
        resources = _Checkpoint.model_validate_json(file.read_bytes()).deployment.resources
    except OSError as error:
        raise CommandError(f"--state {file}: {error.strerror}") from None
    except ValidationError:
        raise CommandError(f"--state {file}: must be what `pulumi stack export` writes") from None
    named = [((found.type, found.urn.rpartition("::")[2]), found) for found in resources if found.id is not None]
    times = Counter(key for key, _ in named)
    return {key: Made(found.id or "", _plain(found.outputs)) for key, found in named if times[key] == 1}


def _plain(outputs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in outputs.items() if SIGNATURE not in json.dumps(value)}
