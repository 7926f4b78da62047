"""Names of images in Amazon ECR: pure."""

import re

from moorage.aws.account import Account, partition_of
from moorage.aws.policy import Statement, allow

# docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html (read 2026-11-25)
_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^@:]+)(?:[:@].*)?")


def repository_arn(image: str) -> str | None:
    """Of the repository that has the image; None for an image that is elsewhere."""
    found = _IMAGE.fullmatch(image)
    if found is None:
        return None
    account_id, region, name = found.groups()
    return Account(partition_of(region), account_id).arn("ecr", region, f"repository/{name}")


def pull_statements(repository_arn: str) -> list[Statement]:
    """What a role needs to pull an image of one repository."""
    actions = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    return [
        # It has no resource to be bound to (docs.aws.amazon.com/service-authorization, Amazon ECR).
        allow("LogIn", ("ecr:GetAuthorizationToken",), ("*",)),
        allow("Pull", actions, (repository_arn,)),
    ]
