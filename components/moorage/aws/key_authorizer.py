"""The function that tells API Gateway whose key a request has."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_aws import kms, lambda_

from moorage.aws import key_authorizer_function
from moorage.aws.function_environment import hashes_document
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.python_function import create_python_function
from moorage.spec.gateway_document import Key

_CODE = Path(key_authorizer_function.__file__)
_TIMEOUT_SECONDS = 5


def create_key_authorizer(
    surroundings: Surroundings, key: kms.Key, keys: pulumi.Input[Sequence[Key]]
) -> lambda_.Function:
    """It has the hashes of the keys in its environment, and no key."""
    hashes = pulumi.Output.from_input(keys).apply(hashes_document)
    log_group = surroundings.create_log_group(key, part="authorizer")
    return create_python_function(
        surroundings,
        "authorizer",
        key,
        log_group,
        surroundings.create_role("authorizer", log_group, key),
        code=_CODE,
        description="Whether a client's key is known",
        timeout_seconds=_TIMEOUT_SECONDS,
        variables={key_authorizer_function.KEYS_VARIABLE: hashes},
    )
