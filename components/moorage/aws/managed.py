"""A model that AWS runs: vLLM in an endpoint of SageMaker."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, iam, sagemaker

from moorage.aws.account import account_of, partition_of
from moorage.aws.application_scaling import ApplicationScaling, endpoint_variant
from moorage.aws.managed_spec import SagemakerVllmSpec
from moorage.aws.names import check_name
from moorage.aws.policy import Statement, allow, policy_document
from moorage.aws.rollout import rolled_out_endpoint
from moorage.aws.sagemaker_image import AMI_VERSION
from moorage.aws.sagemaker_model import CreatedModel, create_model
from moorage.aws.tags import named
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Upstream
from moorage.spec.parsing import known_of, parse

VARIANT = "engines"
BUSY_SHARE = 0.8
"""Of the requests that an instance answers at once: from here on there is another one."""
_SCALE_OUT_SECONDS = 60
# As long as the autoscaler of engines in a cluster waits (docs/kubernetes-autoscaling.md): one that is taken back
# before it has started is paid for twice.
_SCALE_IN_SECONDS = 1800
_ROLLBACK_ERRORS = 5
_SECONDS_BETWEEN_STEPS = 300


class SagemakerVllmArgs(TypedDict):
    """Which model, on which instances."""

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
    min_instances: NotRequired[int]
    """Always up. Default: 1."""
    max_instances: NotRequired[int]
    """By load. Default: as many as always."""
    model_key_arn: NotRequired[str]
    """Of the key that the model's bucket is encrypted with. Default: none."""
    data_capture_uri: NotRequired[str]
    """`s3://bucket/folder` to which SageMaker writes every request and answer. Default: it writes none."""
    data_capture_key_arn: NotRequired[str]
    """What that is encrypted with; needed beside it."""
    log_retention_days: NotRequired[int]
    """Of the engines' log. Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class SagemakerVllm(pulumi.ComponentResource):
    """A real-time endpoint of SageMaker with vLLM, whose container has no network: AWS brings it the weights.

    A new version gets a tenth of the requests first, where there are two instances or more, and is taken back where
    they fail. More requests at once make more instances. Local drives, which all instances with GPUs have, are
    encrypted by their own hardware; a key of SageMaker's would not be theirs.
    """

    endpoint_arn: pulumi.Output[str]
    invoke_policy: pulumi.Output[str]
    """To call this endpoint: for the gateways' role."""
    upstream: pulumi.Output[Upstream]
    """What a gateway has to know of it."""

    def __init__(self, name: str, args: SagemakerVllmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what SageMaker would not run, with the numbers."""
        super().__init__("moorage:index:SagemakerVllm", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(SagemakerVllmSpec, known_of(SagemakerVllmSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        account = account_of(self._spec.region, args["account_id"])
        statements = pulumi.Output.from_input(_capture_statements(self._spec))
        created = create_model(name, self._spec, account, statements, self._child)
        configuration = self._create_configuration(created.model)
        endpoint = self._create_endpoint(configuration, created)
        self._scale(endpoint)
        self.endpoint_arn = endpoint.arn
        self.invoke_policy = endpoint.arn.apply(invoke_policy)
        self.upstream = rolled_out_endpoint(endpoint, configuration).apply(self._upstream)
        self.register_outputs(
            {
                "endpoint_arn": self.endpoint_arn,
                "invoke_policy": self.invoke_policy,
                "upstream": self.upstream,
            }
        )

    def _upstream(self, endpoint_name: str) -> Upstream:
        """As many requests as its instances answer at once, at most."""
        return {
            "name": self._name,
            "kind": "sagemaker",
            "endpoint_name": endpoint_name,
            "region": self._spec.region,
            "model": self._spec.model.served_name,
            "revision": self._spec.revision,
            "max_concurrent_requests": self._spec.max_num_seqs * self._spec.max_instances,
        }

    def _create_configuration(self, model: sagemaker.Model) -> sagemaker.EndpointConfiguration:
        name, spec = f"{self._name}-configuration", self._spec
        capture: sagemaker.EndpointConfigurationDataCaptureConfigArgsDict | None = None
        if spec.data_capture_uri is not None:
            capture = {
                "enable_capture": True,
                "initial_sampling_percentage": 100,
                "destination_s3_uri": spec.data_capture_uri,
                "kms_key_id": spec.data_capture_key_arn or "",
                "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
            }
        return sagemaker.EndpointConfiguration(
            name,
            production_variants=[
                {
                    "variant_name": VARIANT,
                    "model_name": model.name,
                    "instance_type": spec.instance_type,
                    "initial_instance_count": spec.min_instances,
                    "inference_ami_version": AMI_VERSION,
                    "model_data_download_timeout_in_seconds": spec.download_seconds,
                    "container_startup_health_check_timeout_in_seconds": spec.startup_seconds,
                    "routing_configs": [{"routing_strategy": "LEAST_OUTSTANDING_REQUESTS"}],
                    "enable_ssm_access": False,
                }
            ],
            data_capture_config=capture,
            tags=named(name, spec.tags),
            opts=self._child,
        )

    def _create_endpoint(
        self, configuration: sagemaker.EndpointConfiguration, created: CreatedModel
    ) -> sagemaker.Endpoint:
        name = f"{self._name}-endpoint"
        alarm = self._create_rollback_alarm(configuration)
        allowed = self._let_look_at(alarm, created.role)
        return sagemaker.Endpoint(
            name,
            name=self._spec.endpoint_name,
            endpoint_config_name=configuration.name,
            deployment_config={
                "blue_green_update_policy": {
                    "traffic_routing_configuration": traffic_routing(self._spec.min_instances),
                    # Requests that the old instances still answer are at most a minute old, or streamed.
                    "termination_wait_in_seconds": _SECONDS_BETWEEN_STEPS,
                },
                "auto_rollback_configuration": {"alarms": [{"alarm_name": alarm.name}]},
            },
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[created.log_group, allowed]),
        )

    def _create_rollback_alarm(self, configuration: sagemaker.EndpointConfiguration) -> cloudwatch.MetricAlarm:
        """On the new instances alone: else the errors of old ones would take back the version that mends them.

        docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html (AWS's public copy of it,
        github.com/awsdocs/amazon-sagemaker-developer-guide, 0a58b94, read 2026-11-26)
        """
        name = f"{self._name}-rollback"
        return cloudwatch.MetricAlarm(
            name,
            alarm_description="Requests to a new version of the endpoint fail: SageMaker takes it back",
            namespace="AWS/SageMaker",
            metric_name="Invocation5XXErrors",
            dimensions={
                "EndpointName": self._spec.endpoint_name,
                "VariantName": VARIANT,
                "EndpointConfigName": configuration.name,
            },
            statistic="Sum",
            period=60,
            evaluation_periods=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=_ROLLBACK_ERRORS,
            treat_missing_data="notBreaching",
            tags=named(name, self._spec.tags),
            opts=self._child,
        )

    def _let_look_at(self, alarm: cloudwatch.MetricAlarm, role: iam.Role) -> iam.RolePolicy:
        """SageMaker looks at the alarm as the model's role, by the page above. The alarm is younger than the model."""
        return iam.RolePolicy(
            f"{self._name}-rollback-policy",
            role=role.id,
            policy=alarm.arn.apply(
                lambda arn: policy_document(allow("SeeRollbackAlarm", ("cloudwatch:DescribeAlarms",), (arn,)))
            ),
            opts=self._child,
        )

    def _scale(self, endpoint: sagemaker.Endpoint) -> None:
        if self._spec.max_instances == self._spec.min_instances:
            return
        name, spec = f"{self._name}-scaling", self._spec
        variant = endpoint_variant(endpoint.name, VARIANT)
        scaling = ApplicationScaling.between(
            name, variant, spec.min_instances, spec.max_instances, spec.tags, self._child
        )
        scaling.track(
            f"{name}-concurrency",
            {
                # Every ten seconds, where the others are once a minute.
                "predefined_metric_specification": {
                    "predefined_metric_type": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
                },
                "target_value": spec.max_num_seqs * BUSY_SHARE,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
            },
        )


def traffic_routing(
    instances: int,
) -> sagemaker.EndpointDeploymentConfigBlueGreenUpdatePolicyTrafficRoutingConfigurationArgsDict:
    """A tenth first where that is at most half of the new instances; one alone takes all, and is watched as long.

    docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green-canary.html (read 2026-11-25)
    """
    if instances == 1:
        return {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": _SECONDS_BETWEEN_STEPS}
    return {
        "type": "CANARY",
        "canary_size": {"type": "CAPACITY_PERCENT", "value": 10},
        "wait_interval_in_seconds": _SECONDS_BETWEEN_STEPS,
    }


def invoke_policy(endpoint_arn: str) -> str:
    """To call one endpoint, streaming or not."""
    actions = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
    return policy_document(allow("Invoke", actions, (endpoint_arn,)))


def _capture_statements(spec: SagemakerVllmSpec) -> list[Statement]:
    """To write every request and answer, where that is wanted."""
    if spec.data_capture_uri is None:
        return []
    place = spec.data_capture_uri.removeprefix("s3://").rstrip("/")
    return [
        allow("Capture", ("s3:PutObject",), (f"arn:{partition_of(spec.region)}:s3:::{place}/*",)),
        allow("EncryptCapture", ("kms:Decrypt", "kms:GenerateDataKey"), (spec.data_capture_key_arn or "",)),
    ]
