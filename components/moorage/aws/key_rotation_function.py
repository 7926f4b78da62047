"""Gives a secret a new key for the gateway: asked by AWS Secrets Manager, in four steps.

This file alone is what AWS Lambda runs. A step may come again, after one that failed or while another one runs
(docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html, read 2026-11-25).
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

KEY_PREFIX = "moorage-"
_KEY_BYTES = 32
_LEAST_LENGTH = 40


class RotationEvent(TypedDict):
    """What Secrets Manager sends, as the page above has it."""

    SecretId: str
    """The secret's ARN."""
    ClientRequestToken: str
    """The version that becomes the new one."""
    Step: str


def handler(event: RotationEvent, _context: object) -> None:
    """Take one step. Raises ValueError for a version that is not to be rotated, and for a key that no gateway takes."""
    import boto3  # pyright: ignore[reportMissingTypeStubs] - Lambda's runtime has it, and a checkout's tests

    rotate(boto3.client("secretsmanager"), event)  # pyright: ignore[reportUnknownMemberType]


def rotate(client: Any, event: RotationEvent) -> None:
    """As `handler`; `client` is boto3's for Secrets Manager."""
    arn, version = event["SecretId"], event["ClientRequestToken"]
    stages: Mapping[str, Sequence[str]] = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    if "AWSCURRENT" in stages.get(version, ()):
        return
    if "AWSPENDING" not in stages.get(version, ()):
        raise ValueError(f"{version} is no pending version of {arn}")
    match event["Step"]:
        case "createSecret":
            _create(client, arn, version)
        case "setSecret":
            pass  # Gateways look for keys themselves.
        case "testSecret":
            _test(client, arn, version)
        case "finishSecret":
            _finish(client, arn, version, stages)
        case step:
            raise ValueError(f"{step} is no step of a rotation")


def _create(client: Any, arn: str, version: str) -> None:
    """Unless an earlier try has done so."""
    try:
        client.get_secret_value(SecretId=arn, VersionId=version, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        key = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        client.put_secret_value(
            SecretId=arn, ClientRequestToken=version, SecretString=key, VersionStages=["AWSPENDING"]
        )


def _test(client: Any, arn: str, version: str) -> None:
    key = client.get_secret_value(SecretId=arn, VersionId=version, VersionStage="AWSPENDING")["SecretString"]
    if not key.startswith(KEY_PREFIX) or len(key) < _LEAST_LENGTH:
        raise ValueError(f"version {version} of {arn} is no key of a gateway")


def _finish(client: Any, arn: str, version: str, stages: Mapping[str, Sequence[str]]) -> None:
    """Clients get it from now on; the one before becomes the previous one."""
    current = next(known for known, names in stages.items() if "AWSCURRENT" in names)
    client.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current
    )
