"""A model of SageMaker with its role and its log: what every endpoint with vLLM begins with."""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi
from pulumi_aws import cloudwatch, iam, sagemaker

from moorage.aws.account import Account, partition_of
from moorage.aws.ecr_image import pull_statements
from moorage.aws.log_surroundings import create_named_log_group
from moorage.aws.managed_spec import SagemakerModelSpec
from moorage.aws.policy import Statement, allow, policy_document, trusted_in
from moorage.aws.sagemaker_image import REPOSITORY, image_accounts
from moorage.aws.tags import named

_UTILIZATION_NAMESPACE = "/aws/sagemaker/Endpoints"
"""Of instances' CPUs, GPUs, memory and disks (docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, read
2026-11-25)."""


class CreatedModel(NamedTuple):
    """What an endpoint is made of."""

    model: sagemaker.Model
    log_group: cloudwatch.LogGroup
    """That has to be there before the endpoint is."""
    role: iam.Role
    """As which SageMaker acts."""


def create_model(
    name: str,
    spec: SagemakerModelSpec,
    account: pulumi.Output[Account],
    statements: pulumi.Output[list[Statement]],
    opts: pulumi.ResourceOptions,
) -> CreatedModel:
    """A model that SageMaker may read, with what is around it.

    Args:
        name: what its resources' names begin with.
        statements: what its role may beside reading the model, pulling the image and writing the log.
    """
    # SageMaker would make it itself, to be kept for ever and encrypted with a key of AWS's
    # (docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html, read 2026-11-25).
    log_group = create_named_log_group(
        f"/aws/sagemaker/Endpoints/{spec.endpoint_name}",
        name=f"{name}-log",
        key_name=f"{name}-key",
        region=spec.region,
        account=account,
        retention_days=spec.log_retention_days,
        tags=spec.tags,
        opts=opts,
    )
    role, allowed = _create_role(name, spec, account, log_group.arn, statements, opts)
    model = sagemaker.Model(
        f"{name}-model",
        execution_role_arn=role.arn,
        enable_network_isolation=True,
        primary_container={
            "image": spec.image,
            "environment": spec.environment,
            "model_data_source": {
                "s3_data_sources": [{"s3_uri": spec.model_uri, "s3_data_type": "S3Prefix", "compression_type": "None"}]
            },
        },
        tags=named(f"{name}-model", spec.tags),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    return CreatedModel(model, log_group, role)


def _create_role(
    name: str,
    spec: SagemakerModelSpec,
    account: pulumi.Output[Account],
    log_group_arn: pulumi.Output[str],
    statements: pulumi.Output[list[Statement]],
    opts: pulumi.ResourceOptions,
) -> tuple[iam.Role, iam.RolePolicy]:
    role = iam.Role(
        f"{name}-role",
        assume_role_policy=account.apply(lambda account: trusted_in(account, "sagemaker.amazonaws.com")),
        tags=named(f"{name}-role", spec.tags),
        opts=opts,
    )
    policy = iam.RolePolicy(
        f"{name}-policy",
        role=role.id,
        policy=log_group_arn.apply(lambda arn: statements.apply(lambda others: _execution_policy(spec, arn, others))),
        opts=opts,
    )
    return role, policy


def _execution_policy(spec: SagemakerModelSpec, log_group_arn: str, others: Sequence[Statement]) -> str:
    """To read this model, to pull this image, to write this log and to tell how busy instances are.

    docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, CreateModel (AWS's public copy of it,
    github.com/awsdocs/amazon-sagemaker-developer-guide, 00adebd, read 2026-11-26), without its wildcards, and without
    the right to make log groups: this one is there.
    """
    partition = partition_of(spec.region)
    bucket, _, prefix = spec.model_uri.removeprefix("s3://").partition("/")
    images = f"arn:{partition}:ecr:{spec.region}:{image_accounts()[spec.region]}:repository/{REPOSITORY}"
    statements: list[Statement] = [
        allow("ListModel", ("s3:ListBucket",), (f"arn:{partition}:s3:::{bucket}",)),
        allow("ReadModel", ("s3:GetObject",), (f"arn:{partition}:s3:::{bucket}/{prefix}*",)),
        *pull_statements(images),
        allow(
            "WriteLog",
            ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
            (f"{log_group_arn}:*",),
        ),
        # It has no resource to be bound to.
        allow(
            "TellUtilization",
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringEquals": {"cloudwatch:namespace": _UTILIZATION_NAMESPACE}},
        ),
    ]
    if spec.model_key_arn is not None:
        statements.append(allow("DecryptModel", ("kms:Decrypt",), (spec.model_key_arn,)))
    return policy_document(*statements, *others)
