"""Images that BuildKit builds and pushes to a repository of Amazon ECR."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import ecr

from moorage.aws.image_registry_spec import ImageBuild
from moorage.spec.errors import Problem, SpecError

if TYPE_CHECKING:
    from pulumi_docker_build import (
        CacheFromArgsDict,
        CacheToArgsDict,
        CacheToRegistryArgsDict,
        ContextArgsDict,
        Image,
        RegistryArgsDict,
    )

_CACHE_TAG = "cache"


def log_in(opts: pulumi.InvokeOutputOptions) -> "RegistryArgsDict":
    """To the account's registry in the provider's region, for 12 hours
    (docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html, from memory of it)."""
    token = ecr.get_authorization_token_output(opts=opts)
    return {
        "address": token.proxy_endpoint,
        "username": token.user_name,
        "password": pulumi.Output.secret(token.password),
    }


def build_image(
    name: str,
    build: ImageBuild,
    repository: ecr.Repository,
    cache: ecr.Repository | None,
    registry: "RegistryArgsDict",
    opts: pulumi.ResourceOptions,
) -> "Image":
    """Pushed by its digest, without a tag: none that follows from what is built is known before it is built, and any
    other would be refused, where tags never move, as soon as it was pushed again.

    Args:
        cache: has the layers for the next build. None: there are none.

    Raises `SpecError` where Pulumi's package for builds is not installed.
    """
    if find_spec("pulumi_docker_build") is None:
        message = ": need the package pulumi-docker-build, which is missing; pip install 'moorage[aws,docker-build]'"
        raise SpecError([Problem("builds", message)])
    # Whoever builds nothing has no need of it.
    from pulumi_docker_build import Image, Platform

    cache_from, cache_to = _cached(cache)
    named: dict[str, ContextArgsDict] = {key: {"location": folder} for key, folder in build.named_contexts.items()}
    return Image(
        name,
        context={"location": build.context, "named": named},
        dockerfile=None if build.dockerfile is None else {"location": build.dockerfile},
        platforms=[Platform(platform) for platform in build.platforms],
        build_on_preview=False,
        push=False,
        exports=[{"image": {"names": [repository.repository_url], "push": True, "push_by_digest": True}}],
        cache_from=cache_from,
        cache_to=cache_to,
        registries=[registry],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["registries"])),
    )


def _cached(cache: ecr.Repository | None) -> "tuple[list[CacheFromArgsDict], list[CacheToArgsDict]]":
    """As Amazon ECR takes it: one manifest, no index (aws.amazon.com/blogs/containers/
    announcing-remote-cache-support-in-amazon-ecr-for-buildkit-clients, read 2026-11-26)."""
    from pulumi_docker_build import CacheMode

    if cache is None:
        return [], []
    ref = pulumi.Output.concat(cache.repository_url, f":{_CACHE_TAG}")
    kept: CacheToRegistryArgsDict = {
        "ref": ref,
        "mode": CacheMode.MAX,
        "image_manifest": True,
        "oci_media_types": True,
    }
    return [{"registry": {"ref": ref}}], [{"registry": kept}]
