"""What a registry of images is asked to be, validated."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NotRequired, Self, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from moorage.aws.tags import Tags
from moorage.spec.errors import Problem, SpecError
from moorage.spec.wording import shown

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
# botocore 1.43.117, ecr: RepositoryName, which has at most 256 characters.
_PART = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_MAX_PART_LENGTH = 64
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ImageBuildArgs(TypedDict):
    """What BuildKit builds an image of. Paths are relative to the folder in which Pulumi runs."""

    context: str
    """The folder that the Dockerfile copies from, but for what its `.dockerignore` leaves out."""
    dockerfile: NotRequired[str]
    """Default: `Dockerfile` in the context."""
    named_contexts: NotRequired[Mapping[str, str]]
    """Further folders, by the names that the Dockerfile has for them. Default: none."""
    platforms: Sequence[str]
    """`linux/amd64`, `linux/arm64`, or both; AWS Lambda takes images of one alone."""


def _a_folder(path: str) -> str:
    if not Path(path).is_dir():
        raise ValueError("is no folder")
    return path


def _a_file(path: str) -> str:
    if not Path(path).is_file():
        raise ValueError("is no file")
    return path


def _a_repository(repository: str) -> str:
    if len(repository) > _MAX_PART_LENGTH or not _PART.fullmatch(repository):
        allowed = f"at most {_MAX_PART_LENGTH} lowercase letters and digits, with single dots, hyphens or underscores"
        raise ValueError(f"must be {allowed} between them")
    return repository


def _a_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError("must be a digest: sha256: and 64 hexadecimal digits")
    return digest


class ImageBuild(BaseModel):
    """As `ImageBuildArgs`."""

    model_config = _STRICT

    context: Annotated[str, AfterValidator(_a_folder)]
    dockerfile: Annotated[str, AfterValidator(_a_file)] | None = None
    named_contexts: Mapping[str, Annotated[str, AfterValidator(_a_folder)]] = {}
    platforms: Sequence[Literal["linux/amd64", "linux/arm64"]] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_dockerfile(self) -> Self:
        if self.dockerfile is None and not (Path(self.context) / "Dockerfile").is_file():
            raise SpecError(
                [Problem("context", f" = {shown(self.context)}: has no Dockerfile; must have, or dockerfile")]
            )
        return self

    @property
    def is_cached(self) -> bool:
        """BuildKit keeps one platform's layers in a cache, and forgets all others' (docs of pulumi-docker-build 0.0.22;
        github.com/docker/buildx/discussions/1382)."""
        return len(self.platforms) == 1


class RegistrySpec(BaseModel):
    """As `EcrRegistryArgs`."""

    model_config = _STRICT

    repositories: Sequence[Annotated[str, AfterValidator(_a_repository)]]
    builds: Mapping[str, ImageBuild] = {}
    digests: Mapping[str, Annotated[str, AfterValidator(_a_digest)]] = {}
    deletion_protection: bool = True
    tags: Tags = {}

    @field_validator("repositories")
    @classmethod
    def _each_once(cls, repositories: Sequence[str]) -> Sequence[str]:
        if not repositories or len(set(repositories)) < len(repositories):
            raise ValueError("must be at least one, each once")
        return repositories

    @model_validator(mode="after")
    def _images_have_repositories(self) -> Self:
        problems = [
            Problem(f"{key}.{repository}", f": must be one of repositories, which has {shown(list(self.repositories))}")
            for key, images in (("builds", self.builds), ("digests", self.digests))
            for repository in images
            if repository not in self.repositories
        ]
        problems += [
            Problem(f"digests.{repository}", ": must be left out where builds has the repository")
            for repository in sorted(self.digests.keys() & self.builds.keys())
        ]
        if problems:
            raise SpecError(problems)
        return self
