"""A key for the gateway that changes by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import iam, kms, lambda_, secretsmanager
from pydantic import BaseModel, ConfigDict, Field

from moorage.aws import key_rotation_function
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.log_retention import RetentionDays
from moorage.aws.names import check_name
from moorage.aws.policy import allow, policy_document
from moorage.aws.python_function import create_python_function
from moorage.aws.region import Region
from moorage.aws.tags import Tags, named
from moorage.credentials.api_key import ApiKey
from moorage.spec.numbers import WholeNumber
from moorage.spec.parsing import parse

_CODE = Path(key_rotation_function.__file__)
_TIMEOUT_SECONDS = 30
# botocore 1.43.117, secretsmanager: RotationRulesType, AutomaticallyAfterDays.
_MOST_DAYS = 1_000


class RotatedKeyArgs(TypedDict):
    """Where the secret is, and how often it changes."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    rotation_days: NotRequired[int]
    """After so many days there is a new key; the one before goes on to be let in for as many. Default: 30."""
    log_retention_days: NotRequired[int]
    """How long it is known that it was rotated. Default: 30."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class RotatedKey(pulumi.ComponentResource):
    """A secret of AWS Secrets Manager that holds one key, encrypted with a key of its own, and what changes it.

    Clients read the secret's current version; the gateway lets in that, the one before and the one that is on its way
    (`rotated_keys` of its document), so that nobody is refused while a key changes.
    """

    secret_arn: pulumi.Output[str]
    """What `rotated_keys` of a gateway's document names."""
    read_policy: pulumi.Output[str]
    """To read the key: for gateways, and for clients with a role of their own."""
    initial_key: pulumi.Output[str]
    """The first one, a secret: until it is rotated."""

    def __init__(self, name: str, args: RotatedKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what AWS would refuse."""
        super().__init__("moorage:index:RotatedKey", name, dict(args), opts)
        check_name(name)
        self._name, self._child = name, pulumi.ResourceOptions(parent=self)
        self._spec = parse(_RotatedKeySpec, {key: part for key, part in args.items() if key != "account_id"}, "")
        surroundings = Surroundings.of(name, self._spec, args["account_id"], self._child)
        key = surroundings.create_key(f"Gateway key {name}")
        secret, version = self._create_secret(key)
        self._rotate(secret, version, self._create_function(surroundings, key, secret))
        self.secret_arn = secret.arn
        self.read_policy = pulumi.Output.all(secret.arn, key.arn).apply(lambda arns: read_policy(*arns))
        self.register_outputs(
            {"secret_arn": self.secret_arn, "read_policy": self.read_policy, "initial_key": self.initial_key}
        )

    def _create_secret(self, key: kms.Key) -> tuple[secretsmanager.Secret, secretsmanager.SecretVersion]:
        name = f"{self._name}-secret"
        secret = secretsmanager.Secret(
            name,
            description="A key of the gateway",
            kms_key_id=key.arn,
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        self.initial_key = ApiKey(f"{self._name}-initial-key", self._child).key
        version = secretsmanager.SecretVersion(
            f"{self._name}-initial-version",
            secret_id=secret.id,
            secret_string=self.initial_key,
            # What a rotation makes of it is no change that an update has to undo.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["secretString", "versionStages"]),
        )
        return secret, version

    def _create_function(
        self, surroundings: Surroundings, key: kms.Key, secret: secretsmanager.Secret
    ) -> lambda_.Function:
        log_group = surroundings.create_log_group(key, part="rotation")
        role = surroundings.create_role("rotation", log_group, key)
        document = pulumi.Output.all(secret.arn, key.arn).apply(lambda arns: _rotation_policy(*arns))
        allowed = iam.RolePolicy(f"{self._name}-rotation-secret", role=role.id, policy=document, opts=self._child)
        return create_python_function(
            surroundings,
            "rotation",
            key,
            log_group,
            role,
            code=_CODE,
            description="Changes a key of the gateway",
            timeout_seconds=_TIMEOUT_SECONDS,
            after=[allowed],
        )

    def _rotate(
        self, secret: secretsmanager.Secret, version: secretsmanager.SecretVersion, function: lambda_.Function
    ) -> None:
        permission = lambda_.Permission(
            f"{self._name}-permission",
            action="lambda:InvokeFunction",
            function=function.name,
            principal="secretsmanager.amazonaws.com",
            source_arn=secret.arn,
            opts=self._child,
        )
        secretsmanager.SecretRotation(
            f"{self._name}-schedule",
            secret_id=secret.id,
            rotation_lambda_arn=function.arn,
            rotation_rules={"automatically_after_days": self._spec.rotation_days},
            # The first key is as good as the next one.
            rotate_immediately=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission, version]),
        )


class _RotatedKeySpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    rotation_days: WholeNumber = Field(default=30, ge=1, le=_MOST_DAYS)
    log_retention_days: RetentionDays = 30
    tags: Tags = {}


def read_policy(secret_arn: str, key_arn: str) -> str:
    """To read one secret."""
    return policy_document(
        allow("ReadKey", ("secretsmanager:GetSecretValue",), (secret_arn,)),
        allow("DecryptKey", ("kms:Decrypt",), (key_arn,)),
    )


def _rotation_policy(secret_arn: str, key_arn: str) -> str:
    """What `key_rotation_function` calls."""
    actions = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")
    return policy_document(
        allow("Rotate", [f"secretsmanager:{action}" for action in actions], (secret_arn,)),
        allow("Encrypt", ("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
    )
