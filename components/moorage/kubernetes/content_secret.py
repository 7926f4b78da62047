"""Secrets that never change: other content is another Secret."""

import pulumi
from pulumi_kubernetes import core

from moorage.kubernetes.content_name import Content, named_by_content
from moorage.kubernetes.manifest import Manifest


def content_secret(
    resource_name: str, metadata: Manifest, content: Content, opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """Creates one, and returns its name: that of `metadata`, and a digest of its content."""
    manifest: Manifest = {
        "metadata": named_by_content(metadata, content),
        "string_data": pulumi.Output.secret(content),
        "immutable": True,
    }
    created = core.v1.Secret(resource_name, opts=opts, **manifest)
    # Through the resource, so that pods wait for it.
    return created.metadata.apply(lambda metadata: str(metadata.name))
