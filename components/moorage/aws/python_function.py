"""Small functions of AWS Lambda that are one file of ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_aws import cloudwatch, iam, kms, lambda_

from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.tags import named

_RUNTIME = "python3.13"
_MEMORY_MB = 128
_HANDLER = "handler"


def create_python_function(
    surroundings: Surroundings,
    part: str,
    key: kms.Key,
    log_group: cloudwatch.LogGroup,
    role: iam.Role,
    *,
    code: Path,
    description: str,
    timeout_seconds: int,
    variables: Mapping[str, pulumi.Input[str]] | None = None,
    after: Sequence[pulumi.Resource] = (),
) -> lambda_.Function:
    """The function `handler` of the file `code`, which needs nothing but what the runtime has.

    Args:
        part: ends its name, as it does those of its log group and role.
        after: what it needs before it works.
    """
    name = f"{surroundings.name}-{part}"
    return lambda_.Function(
        name,
        description=description,
        runtime=_RUNTIME,
        architectures=["arm64"],
        handler=f"{code.stem}.{_HANDLER}",
        code=pulumi.AssetArchive({code.name: pulumi.FileAsset(str(code))}),
        memory_size=_MEMORY_MB,
        timeout=timeout_seconds,
        role=role.arn,
        environment=None if variables is None else {"variables": variables},
        # Without variables there is nothing to encrypt, and Lambda keeps no key: each update would set it again
        # (pulumi-aws 7.51.1, lambda.Function).
        kms_key_arn=None if variables is None else key.arn,
        logging_config={"log_format": "JSON", "log_group": log_group.name},
        tags=named(name, surroundings.tags),
        opts=pulumi.ResourceOptions.merge(surroundings.opts, pulumi.ResourceOptions(depends_on=list(after))),
    )
