"""The functions of a distribution: one of CloudFront's own for each request, one of Lambda@Edge with a small model."""

from pathlib import Path
from typing import NamedTuple

import pulumi
from pulumi_aws import cloudfront, iam, lambda_

from moorage.aws.edge_spec import EDGE_REGION, EdgeSpec
from moorage.aws.policy import Statement, policy_document
from moorage.aws.tags import named
from moorage.edge import intent_classifier, origin_request

_CODE = Path(origin_request.__file__).parent
_VIEWER_CODE = _CODE / "viewer_request.js"
_ORIGIN_CODE = tuple(Path(module.__file__) for module in (origin_request, intent_classifier) if module.__file__)
# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-at-edge-function-restrictions.html (a copy, read
# 2026-11-26): the latest runtimes of Python, neither arm64 nor variables of the environment; cloudfront-limits.html: 30
# seconds, memory as Lambda has it.
_RUNTIME = "python3.13"
_MEMORY_MB = 256
_TIMEOUT_SECONDS = 5


class SigningSecrets(NamedTuple):
    """By which keys are signed, or have been."""

    current: pulumi.Output[str]
    previous: pulumi.Output[str] | None = None


def create_viewer_function(
    name: str, spec: EdgeSpec, secrets: SigningSecrets, opts: pulumi.ResourceOptions
) -> cloudfront.Function:
    """With its store, which has the secrets and the routes: both change without the function."""
    store = cloudfront.KeyValueStore(
        f"{name}-store", comment=f"Moorage {name}", tags=named(f"{name}-store", spec.tags), opts=opts
    )

    def put(key: str, value: pulumi.Input[str], *before: pulumi.Resource) -> cloudfront.KeyvaluestoreKey:
        options = pulumi.ResourceOptions.merge(_secret(opts), pulumi.ResourceOptions(depends_on=before))
        return cloudfront.KeyvaluestoreKey(
            f"{name}-{key}", key=key, value=value, key_value_store_arn=store.arn, opts=options
        )

    # What is signed with the old secret is good all the time: it is there as the previous one before it goes.
    previous = [] if secrets.previous is None else [put("hmac-previous", secrets.previous)]
    keys = [
        *(put(key, value) for key, value in spec.key_values.items()),
        *previous,
        put("hmac", secrets.current, *previous),
    ]
    return cloudfront.Function(
        f"{name}-viewer",
        runtime="cloudfront-js-2.0",
        comment="Who is let in, and where to",
        code=_VIEWER_CODE.read_text(encoding="utf-8"),
        key_value_store_associations=[store.arn],
        publish=True,
        tags=named(f"{name}-viewer", spec.tags),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=keys)),
    )


def create_origin_function(
    name: str, spec: EdgeSpec, classifier_file: str, opts: pulumi.ResourceOptions
) -> lambda_.Function:
    """It writes no log, and may nothing: CloudFront's metrics count its errors."""
    role = iam.Role(
        f"{name}-origin-role",
        assume_role_policy=_trust(),
        tags=named(f"{name}-origin-role", spec.tags),
        opts=opts,
    )
    archive: dict[str, pulumi.Asset | pulumi.Archive] = {
        f"moorage/edge/{file.name}": pulumi.FileAsset(str(file)) for file in _ORIGIN_CODE
    }
    archive[f"moorage/edge/{origin_request.CLASSIFIER_NAME}"] = pulumi.FileAsset(classifier_file)
    return lambda_.Function(
        f"{name}-origin",
        region=EDGE_REGION,
        description="Answers questions that are known",
        runtime=_RUNTIME,
        architectures=["x86_64"],
        handler=f"{origin_request.__name__}.{origin_request.handler.__name__}",
        code=pulumi.AssetArchive(archive),
        memory_size=_MEMORY_MB,
        timeout=_TIMEOUT_SECONDS,
        publish=True,
        role=role.arn,
        # Its copies in all regions go hours after the distribution: until then it cannot be deleted.
        skip_destroy=True,
        tags=named(f"{name}-origin", spec.tags),
        opts=opts,
    )


def _secret(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["value"]))


def _trust() -> str:
    """Neither service says for whom it asks, and so no condition can be put."""
    services = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]
    statement = Statement(Sid="TakeRole", Effect="Allow", Principal={"Service": services}, Action=["sts:AssumeRole"])
    return policy_document(statement)
