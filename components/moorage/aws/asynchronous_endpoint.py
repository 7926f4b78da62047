"""A model that AWS runs only while requests wait for it: vLLM in an asynchronous endpoint of SageMaker."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, kms, s3, sagemaker

from moorage.aws.account import account_of
from moorage.aws.asynchronous_endpoint_spec import SagemakerAsyncVllmSpec
from moorage.aws.asynchronous_scaling import scale_by_backlog
from moorage.aws.encryption_key import create_key
from moorage.aws.managed import VARIANT
from moorage.aws.names import check_name
from moorage.aws.policy import Statement, allow, policy_document
from moorage.aws.private_bucket import create_expiring_bucket
from moorage.aws.rollout import rolled_out_endpoint
from moorage.aws.sagemaker_image import AMI_VERSION
from moorage.aws.sagemaker_model import create_model
from moorage.aws.tags import named
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.parsing import known_of, parse

INPUTS, OUTPUTS, FAILURES = "inputs", "outputs", "failures"
"""The folders of the bucket: callers write the first, and read the others."""
# SageMaker starts no endpoint with none (botocore 1.43.117, sagemaker: ProductionVariant, InitialInstanceCount).
_FIRST_INSTANCES = 1
_UNFINISHED_UPLOAD_DAYS = 1


class SagemakerAsyncVllmArgs(TypedDict):
    """Which model, on which instances, and for how long what is said is kept."""

    region: str
    """Where the endpoint is. The model's bucket is there too."""
    account_id: pulumi.Input[str]
    """Whose it is."""
    endpoint_name: str
    """The endpoint's, in the account and region: 1 to 63 letters, digits and inner hyphens."""
    model: ModelArgs
    """Its source is `s3://bucket/folder`, with the weights as they are, not in an archive."""
    revision: str
    """Which weights these are."""
    facts: ModelFactsArgs
    """What its config.json and weights say."""
    load: NotRequired[LoadArgs]
    """Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """Default: that of `moorage.spec.ServiceLevel`."""
    instance_type: str
    """Such as `ml.g6e.xlarge`."""
    gpu_memory_gib: float
    """Of one of its GPUs, as torch sees it."""
    tensor_parallel_size: NotRequired[int]
    """GPUs that share each layer. Default: 1."""
    max_instances: NotRequired[int]
    """By backlog. Default: 1."""
    model_key_arn: NotRequired[str]
    """Of the key that the model's bucket is encrypted with. Default: none."""
    retention_days: NotRequired[int]
    """How long requests and answers are kept. Default: 7."""
    success_topic_arn: NotRequired[str]
    """A topic of SNS that is told of each answer. Default: none is."""
    error_topic_arn: NotRequired[str]
    """A topic of SNS that is told of each failure. Default: none is."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the bucket. Default: it refuses."""
    log_retention_days: NotRequired[int]
    """Of the engines' log. Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class SagemakerAsyncVllm(pulumi.ComponentResource):
    """An asynchronous endpoint of SageMaker with vLLM, which has no instance while nothing waits.

    Requests and answers are objects of one private bucket, encrypted with a key of its own, which expire. The first
    request after a pause waits for an instance. It answers nobody who waits for it, and streams nothing: it has no
    `upstream`, and no gateway asks it.
    """

    endpoint_arn: pulumi.Output[str]
    bucket_name: pulumi.Output[str]
    """With the folders `inputs`, `outputs` and `failures`."""
    invoke_policy: pulumi.Output[str]
    """To ask, and to read the answers: for the callers' role."""

    def __init__(self, name: str, args: SagemakerAsyncVllmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what SageMaker would not run, with the numbers."""
        super().__init__("moorage:index:SagemakerAsyncVllm", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(SagemakerAsyncVllmSpec, known_of(SagemakerAsyncVllmSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        key = create_key(f"{name}-data-key", description=f"Requests to {name}", tags=self._spec.tags, opts=self._child)
        bucket = create_expiring_bucket(
            f"{name}-data",
            days=self._spec.retention_days,
            key_arn=key.arn,
            deletion_protection=self._spec.deletion_protection,
            tags=self._spec.tags,
            opts=self._child,
            unfinished_upload_days=_UNFINISHED_UPLOAD_DAYS,
        )
        created = create_model(
            name,
            self._spec,
            account_of(self._spec.region, args["account_id"]),
            pulumi.Output.all(bucket.arn, key.arn).apply(lambda arns: _data_statements(self._spec, *arns)),
            self._child,
        )
        configuration = self._create_configuration(created.model, bucket, key)
        endpoint = self._create_endpoint(configuration, created.log_group)
        scale_by_backlog(
            f"{name}-scaling",
            endpoint_name=endpoint.name,
            variant_name=VARIANT,
            max_instances=self._spec.max_instances,
            backlog_per_instance=self._spec.concurrent_invocations,
            tags=self._spec.tags,
            opts=self._child,
        )
        self.endpoint_arn = rolled_out_endpoint(endpoint, configuration).apply(lambda _: endpoint.arn)
        self.bucket_name = bucket.bucket
        self.invoke_policy = pulumi.Output.all(endpoint.arn, bucket.arn, key.arn).apply(
            lambda arns: invoke_policy(*arns)
        )
        self.register_outputs(
            {
                "endpoint_arn": self.endpoint_arn,
                "bucket_name": self.bucket_name,
                "invoke_policy": self.invoke_policy,
            }
        )

    def _create_configuration(
        self, model: sagemaker.Model, bucket: s3.Bucket, key: kms.Key
    ) -> sagemaker.EndpointConfiguration:
        name, spec = f"{self._name}-configuration", self._spec
        return sagemaker.EndpointConfiguration(
            name,
            production_variants=[
                {
                    "variant_name": VARIANT,
                    "model_name": model.name,
                    "instance_type": spec.instance_type,
                    "initial_instance_count": _FIRST_INSTANCES,
                    "inference_ami_version": AMI_VERSION,
                    "model_data_download_timeout_in_seconds": spec.download_seconds,
                    "container_startup_health_check_timeout_in_seconds": spec.startup_seconds,
                    "enable_ssm_access": False,
                }
            ],
            async_inference_config={
                "client_config": {"max_concurrent_invocations_per_instance": spec.concurrent_invocations},
                "output_config": {
                    "s3_output_path": pulumi.Output.concat("s3://", bucket.bucket, f"/{OUTPUTS}"),
                    "s3_failure_path": pulumi.Output.concat("s3://", bucket.bucket, f"/{FAILURES}"),
                    "kms_key_id": key.arn,
                    "notification_config": _notification(spec),
                },
            },
            tags=named(name, spec.tags),
            opts=self._child,
        )

    def _create_endpoint(
        self, configuration: sagemaker.EndpointConfiguration, log_group: cloudwatch.LogGroup
    ) -> sagemaker.Endpoint:
        name = f"{self._name}-endpoint"
        return sagemaker.Endpoint(
            name,
            name=self._spec.endpoint_name,
            endpoint_config_name=configuration.name,
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[log_group]),
        )


def invoke_policy(endpoint_arn: str, bucket_arn: str, key_arn: str) -> str:
    """To write requests, to have them answered, and to read what came of them."""
    return policy_document(
        allow("Invoke", ("sagemaker:InvokeEndpointAsync",), (endpoint_arn,)),
        allow("WriteInput", ("s3:PutObject",), (f"{bucket_arn}/{INPUTS}/*",)),
        allow("ReadOutput", ("s3:GetObject",), (f"{bucket_arn}/{OUTPUTS}/*", f"{bucket_arn}/{FAILURES}/*")),
        # Without it S3 says 403, and not 404, of an answer that is not there yet
        # (docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, read 2026-11-25).
        allow("SeeWhatIsMissing", ("s3:ListBucket",), (bucket_arn,)),
        allow("UseKey", ("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
    )


def _data_statements(spec: SagemakerAsyncVllmSpec, bucket_arn: str, key_arn: str) -> list[Statement]:
    """docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html (AWS's public copy of
    it, github.com/awsdocs/amazon-sagemaker-developer-guide, 7a4c2e7, read 2026-11-26), for one folder each, and what
    the bucket's key takes."""
    written = (f"{bucket_arn}/{OUTPUTS}/*", f"{bucket_arn}/{FAILURES}/*")
    statements = [
        allow("ListData", ("s3:ListBucket",), (bucket_arn,)),
        allow("ReadInput", ("s3:GetObject",), (f"{bucket_arn}/{INPUTS}/*",)),
        allow("WriteOutput", ("s3:AbortMultipartUpload", "s3:PutObject"), written),
        allow("UseDataKey", ("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
    ]
    if spec.topic_arns:
        statements.append(allow("Tell", ("sns:Publish",), spec.topic_arns))
    return statements


def _notification(
    spec: SagemakerAsyncVllmSpec,
) -> sagemaker.EndpointConfigurationAsyncInferenceConfigOutputConfigNotificationConfigArgsDict | None:
    if not spec.topic_arns:
        return None
    found: sagemaker.EndpointConfigurationAsyncInferenceConfigOutputConfigNotificationConfigArgsDict = {}
    if spec.success_topic_arn is not None:
        found["success_topic"] = spec.success_topic_arn
    if spec.error_topic_arn is not None:
        found["error_topic"] = spec.error_topic_arn
    return found
