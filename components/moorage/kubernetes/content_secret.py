"""Secrets that never change: other content is another Secret."""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi_kubernetes import core

from moorage.kubernetes.manifest import Manifest

_DIGEST_LENGTH = 10


def content_secret(
    resource_name: str,
    metadata: Manifest,
    content: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Creates a Secret named by its content, as kustomize does, and returns that name.

    Pods that mount it roll when the content changes, and those that still run keep what they began with. The name in
    `metadata` becomes the beginning of its name.
    """
    whole = cast("pulumi.Output[dict[str, str]]", pulumi.Output.from_input(content))
    digest = pulumi.Output.unsecret(whole.apply(_digest))
    manifest: Manifest = {
        "metadata": {**metadata, "name": pulumi.Output.concat(metadata["name"], "-", digest)},
        "string_data": pulumi.Output.secret(whole),
        "immutable": True,
    }
    secret = core.v1.Secret(resource_name, opts=opts, **manifest)
    # Through the resource, so that pods wait for it.
    return secret.metadata.apply(lambda created: str(created.name))


def _digest(content: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
