"""A Pulumi project and one of its stacks, read from their files alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, Field, JsonValue, ValidationError

from moorage.cli.absent import absent
from moorage.cli.problems import CommandError

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


class _ProjectFile(BaseModel):
    """`Pulumi.yaml` (pulumi.com/docs/iac/concepts/projects/project-file, read 2026-11-25)."""

    name: str
    main: str = "."
    stackConfigDir: str = "."  # noqa: N815 - the file's own word
    config: dict[str, JsonValue] = Field(default={})


class _StackFile(BaseModel):
    """`Pulumi.<stack>.yaml`."""

    config: dict[str, JsonValue] = Field(default={})


_FileT = TypeVar("_FileT", bound=BaseModel)


@dataclass(frozen=True)
class Project:
    """What is needed to run one."""

    name: str
    program: Path
    """The program's folder, or its file."""
    stacks: Path
    """The folder of the stacks' files."""
    defaults: Mapping[str, JsonValue]
    """Of configuration keys, each with its namespace."""


@dataclass(frozen=True)
class Configuration:
    """As Pulumi hands it to a program: every value a text."""

    values: Mapping[str, str]
    secret_keys: tuple[str, ...]
    """Keys with an encrypted part; a mark stands for that."""


def find_project(directory: Path) -> Project:
    """The project of `directory`, or of the next folder above it that has one. Raises `CommandError`."""
    for folder in (directory, *directory.parents):
        for name in _PROJECT_FILES:
            if (folder / name).is_file():
                return _project(folder / name)
    raise CommandError(f"No Pulumi.yaml in {directory} or above it: run this in a Pulumi project.")


def read_configuration(project: Project, stack: str) -> Configuration:
    """Raises `CommandError` for a stack without a file, with the stacks that have one."""
    file = project.stacks / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        known = sorted(path.name.split(".")[1] for path in project.stacks.glob("Pulumi.*.yaml"))
        raise CommandError(f"{file} does not exist. Stacks with a file: {', '.join(known) or 'none'}.")
    given = {**project.defaults, **_read(file, _StackFile).config}
    readable = {key: _without_ciphertext(key, value) for key, value in given.items()}
    return Configuration(
        values={key: value if isinstance(value, str) else json.dumps(value) for key, value in readable.items()},
        secret_keys=tuple(key for key, value in given.items() if readable[key] != value),
    )


def _project(file: Path) -> Project:
    content = _read(file, _ProjectFile)
    return Project(
        name=content.name,
        program=file.parent / content.main,
        stacks=file.parent / content.stackConfigDir,
        defaults={
            key if ":" in key else f"{content.name}:{key}": declaration["default"]
            for key, declaration in content.config.items()
            if isinstance(declaration, dict) and "default" in declaration
        },
    )


def _read(file: Path, schema: type[_FileT]) -> _FileT:
    try:
        return schema.model_validate(yaml.safe_load(file.read_text()) or {})
    except (yaml.YAMLError, ValidationError) as error:
        raise CommandError(f"{file}: {error}") from None


def _without_ciphertext(key: str, value: JsonValue) -> JsonValue:
    """With a mark for each value that only the stack's secrets provider can read."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return absent(f"the encrypted configuration {key}, which nobody has decrypted")
        return {name: _without_ciphertext(f"{key}.{name}", part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_ciphertext(f"{key}[{index}]", part) for index, part in enumerate(value)]
    return value
