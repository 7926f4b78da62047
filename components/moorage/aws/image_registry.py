"""Where container images lie on AWS."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pulumi_aws import ecr
from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator

from moorage.aws.encryption_key import create_key
from moorage.aws.names import check_name
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse

UNTAGGED_IMAGE_DAYS = 14
# botocore 1.43.117, ecr: RepositoryName, which has at most 256 characters.
_PART = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_MAX_PART_LENGTH = 64


class EcrRegistryArgs(TypedDict):
    """Which images, and how well they are guarded."""

    repositories: Sequence[str]
    """One for each image, such as `serving`; in AWS it is below the component's name."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the repositories and their key. Without it, `destroy` deletes the images too.
    Default: it refuses."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EcrRegistry(pulumi.ComponentResource):
    """Repositories whose tags never move, scanned at each push, encrypted with a key of their own.

    Untagged images are deleted after 14 days. Nodes pull with their role; nobody needs a password.
    """

    repository_urls: pulumi.Output[Mapping[str, str]]
    """For each repository, what an image's name begins with."""
    repository_arns: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a repository that AWS would refuse."""
        super().__init__("moorage:index:EcrRegistry", name, dict(args), opts)
        check_name(name)
        spec = parse(_RegistrySpec, args, "")
        guarded = pulumi.ResourceOptions(parent=self, protect=spec.deletion_protection)
        key = create_key(
            f"{name}-key",
            description=f"Image registry {name}",
            tags=spec.tags,
            deletion_protection=spec.deletion_protection,
            opts=guarded,
        )
        repositories = {
            repository: ecr.Repository(
                f"{name}-{repository}",
                name=f"{name}/{repository}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
                force_delete=not spec.deletion_protection,
                tags=named(f"{name}-{repository}", spec.tags),
                opts=guarded,
            )
            for repository in spec.repositories
        }
        for repository, created in repositories.items():
            ecr.LifecyclePolicy(
                f"{name}-{repository}-expiry",
                repository=created.name,
                policy=lifecycle_policy(),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.repository_urls = pulumi.Output.all(
            **{repository: created.repository_url for repository, created in repositories.items()}
        )
        self.repository_arns = pulumi.Output.all(
            **{repository: created.arn for repository, created in repositories.items()}
        )
        self.register_outputs({"repository_urls": self.repository_urls, "repository_arns": self.repository_arns})


def _checked_repository(repository: str) -> str:
    if len(repository) > _MAX_PART_LENGTH or not _PART.fullmatch(repository):
        allowed = f"at most {_MAX_PART_LENGTH} lowercase letters and digits, with single dots, hyphens or underscores"
        raise ValueError(f"must be {allowed} between them")
    return repository


class _RegistrySpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    repositories: Sequence[Annotated[str, AfterValidator(_checked_repository)]]
    deletion_protection: bool = True
    tags: Tags = {}

    @field_validator("repositories")
    @classmethod
    def _each_once(cls, repositories: Sequence[str]) -> Sequence[str]:
        if not repositories or len(set(repositories)) < len(repositories):
            raise ValueError("must be at least one, each once")
        return repositories


def lifecycle_policy() -> str:
    """docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html (read 2026-11-25)."""
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    rule = {
        "rulePriority": 1,
        "description": f"Untagged images, after {UNTAGGED_IMAGE_DAYS} days",
        "selection": {**selection, "countNumber": UNTAGGED_IMAGE_DAYS},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
