"""Names of ConfigMaps and Secrets that never change: other content is another object, as with kustomize.

Pods that read one roll when its content changes, and those that still run keep what they began with.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

import pulumi

from moorage.kubernetes.manifest import Manifest

_DIGEST_LENGTH = 10

Content = pulumi.Input[Mapping[str, pulumi.Input[str]]]


def named_by_content(metadata: Manifest, content: Content) -> Manifest:
    """`metadata` with a digest of the content after its name."""
    whole = cast("pulumi.Output[dict[str, str]]", pulumi.Output.from_input(content))
    digest = pulumi.Output.unsecret(whole.apply(_digest))
    return {**metadata, "name": pulumi.Output.concat(metadata["name"], "-", digest)}


def _digest(content: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
