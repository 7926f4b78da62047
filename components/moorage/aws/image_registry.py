"""Where container images lie on AWS, and which are built for it."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ecr, kms

from moorage.aws.encryption_key import create_key
from moorage.aws.image_build import build_image, log_in
from moorage.aws.image_registry_spec import ImageBuildArgs, RegistrySpec
from moorage.aws.names import check_name
from moorage.aws.tags import named
from moorage.spec.parsing import parse

UNTAGGED_IMAGE_DAYS = 14
MOST_BUILT_IMAGES = 100
"""Images that are built have no tag; of older ones some still run, or run again where a deployment is taken back."""


class EcrRegistryArgs(TypedDict):
    """Which images, and how well they are guarded."""

    repositories: Sequence[str]
    """One for each image, such as `serving`; in AWS it is below the component's name."""
    builds: NotRequired[Mapping[str, ImageBuildArgs]]
    """By repository: the image that `up` builds and pushes, and again once something that goes into it has changed.
    Needs the package's extra `docker-build`, and a Docker daemon. Default: none."""
    digests: NotRequired[Mapping[str, str]]
    """By repository: the image that somebody else has pushed, `sha256:…`. Default: none."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the repositories and their key. Without it, `destroy` deletes the images too.
    Default: it refuses."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EcrRegistry(pulumi.ComponentResource):
    """Repositories whose tags never move, scanned at each push, encrypted with a key of their own.

    Untagged images are deleted after 14 days; of those that it builds itself, which have no tag, the newest 100 stay.
    Nodes pull with their role; nobody needs a password.
    """

    repository_urls: pulumi.Output[Mapping[str, str]]
    """For each repository, what an image's name begins with."""
    repository_arns: pulumi.Output[Mapping[str, str]]
    image_references: pulumi.Output[Mapping[str, str]]
    """For each of `builds` and `digests`, the image as other components take it: `…/serving@sha256:…`."""

    def __init__(self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a repository that AWS would refuse, and what cannot be built."""
        super().__init__("moorage:index:EcrRegistry", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(RegistrySpec, args, "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._guarded = pulumi.ResourceOptions(parent=self, protect=self._spec.deletion_protection)
        key = create_key(
            f"{name}-key",
            description=f"Image registry {name}",
            tags=self._spec.tags,
            deletion_protection=self._spec.deletion_protection,
            opts=self._guarded,
        )
        repositories = {repository: self._create_repository(repository, key) for repository in self._spec.repositories}
        self.repository_urls = pulumi.Output.all(
            **{repository: created.repository_url for repository, created in repositories.items()}
        )
        self.repository_arns = pulumi.Output.all(
            **{repository: created.arn for repository, created in repositories.items()}
        )
        digests = {**self._spec.digests, **self._build(repositories, key)}
        self.image_references = pulumi.Output.all(
            **{
                repository: pulumi.Output.concat(repositories[repository].repository_url, "@", digest)
                for repository, digest in digests.items()
            }
        )
        self.register_outputs(
            {
                "repository_urls": self.repository_urls,
                "repository_arns": self.repository_arns,
                "image_references": self.image_references,
            }
        )

    def _create_repository(self, repository: str, key: kms.Key) -> ecr.Repository:
        name = f"{self._name}-{repository}"
        created = ecr.Repository(
            name,
            name=f"{self._name}/{repository}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
            force_delete=not self._spec.deletion_protection,
            tags=named(name, self._spec.tags),
            opts=self._guarded,
        )
        ecr.LifecyclePolicy(
            f"{name}-expiry",
            repository=created.name,
            policy=built_lifecycle_policy() if repository in self._spec.builds else lifecycle_policy(),
            opts=self._child,
        )
        return created

    def _build(self, repositories: Mapping[str, ecr.Repository], key: kms.Key) -> Mapping[str, pulumi.Output[str]]:
        """The digests, by repository."""
        if not self._spec.builds:
            return {}
        registry = log_in(pulumi.InvokeOutputOptions(parent=self))
        return {
            repository: build_image(
                f"{self._name}-{repository}-image",
                build,
                repositories[repository],
                self._create_cache(repository, key) if build.is_cached else None,
                registry,
                self._child,
            ).digest
            for repository, build in self._spec.builds.items()
        }

    def _create_cache(self, repository: str, key: kms.Key) -> ecr.Repository:
        """One tag that moves with each build. Its layers can be made again, and are no image that could be scanned."""
        name = f"{self._name}-cache-of-{repository}"
        cache = ecr.Repository(
            name,
            name=f"{self._name}/cache/{repository}",
            image_tag_mutability="MUTABLE",
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
            force_delete=True,
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        ecr.LifecyclePolicy(f"{name}-expiry", repository=cache.name, policy=lifecycle_policy(), opts=self._child)
        return cache


def lifecycle_policy() -> str:
    """docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html (read 2026-11-25)."""
    return _expiring(
        f"Untagged images, after {UNTAGGED_IMAGE_DAYS} days",
        {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": UNTAGGED_IMAGE_DAYS},
    )


def built_lifecycle_policy() -> str:
    """As `lifecycle_policy`, where images in use have no tag."""
    return _expiring(
        f"All but the newest {MOST_BUILT_IMAGES} untagged images",
        {"countType": "imageCountMoreThan", "countNumber": MOST_BUILT_IMAGES},
    )


def _expiring(description: str, count: Mapping[str, str | int]) -> str:
    rule = {
        "rulePriority": 1,
        "description": description,
        "selection": {"tagStatus": "untagged", **count},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
