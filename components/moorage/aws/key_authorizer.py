"""The function that tells API Gateway whose key a request has."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_aws import kms, lambda_

from moorage.aws import key_authorizer_function
from moorage.aws.function_environment import hashes_document
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.tags import named
from moorage.spec.gateway_document import Key

_CODE = Path(key_authorizer_function.__file__)
_RUNTIME = "python3.13"
_MEMORY_MB = 128
_TIMEOUT_SECONDS = 5


def create_key_authorizer(
    surroundings: Surroundings, key: kms.Key, keys: pulumi.Input[Sequence[Key]]
) -> lambda_.Function:
    """It has the hashes of the keys in its environment, and no key."""
    name = f"{surroundings.name}-authorizer"
    hashes = pulumi.Output.from_input(keys).apply(hashes_document)
    log_group = surroundings.create_log_group("authorizer", key)
    return lambda_.Function(
        name,
        description="Whether a client's key is known",
        runtime=_RUNTIME,
        architectures=["arm64"],
        handler=f"{_CODE.stem}.{key_authorizer_function.handler.__name__}",
        code=pulumi.AssetArchive({_CODE.name: pulumi.FileAsset(str(_CODE))}),
        memory_size=_MEMORY_MB,
        timeout=_TIMEOUT_SECONDS,
        role=surroundings.create_role("authorizer", log_group, key).arn,
        environment={"variables": {key_authorizer_function.KEYS_VARIABLE: hashes}},
        kms_key_arn=key.arn,
        logging_config={"log_format": "JSON", "log_group": log_group.name},
        tags=named(name, surroundings.tags),
        opts=surroundings.opts,
    )
