"""Tags: what a user may ask for, and what each resource gets."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

# botocore 1.43.117, ec2: CreateTags, and eks: TagKey, TagValue: 50 for a resource, each of 128 and 256 characters. Some
# are ours (Name, and those by which a load balancer or Karpenter finds a subnet), some Amazon EKS's own.
MAX_TAGS = 40
_MAX_KEY_LENGTH = 128
_MAX_VALUE_LENGTH = 256
# docs.aws.amazon.com/eks/latest/userguide/create-node-class.html#auto-node-class-spec (read 2026-11-25): a NodeClass
# with one of these is refused.
_RESERVED = ("aws:", "kubernetes.io/cluster/", "karpenter.sh/", "eks.amazonaws.com/", "eks:")


def _checked(tags: Mapping[str, str]) -> Mapping[str, str]:
    if len(tags) > MAX_TAGS:
        raise ValueError(f"has {len(tags)} tags; must be at most {MAX_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= _MAX_KEY_LENGTH or len(value) > _MAX_VALUE_LENGTH:
            raise ValueError(
                f"{key}: must be a key of 1 to {_MAX_KEY_LENGTH} characters, a value of {_MAX_VALUE_LENGTH}"
            )
        if key == "Name" or key.startswith(_RESERVED):
            raise ValueError(f"{key}: must be neither Name nor begin with {', '.join(_RESERVED)}, which others set")
    return tags


Tags = Annotated[Mapping[str, str], AfterValidator(_checked)]
"""A user's tags, which every resource gets."""


def named(name: str, tags: Mapping[str, str]) -> dict[str, str]:
    """A resource's tags: the user's, and the name under which the console lists it."""
    return {"Name": name, **tags}
