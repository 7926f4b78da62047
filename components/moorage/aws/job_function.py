"""Jobs of a queue, done by a model in a function of AWS Lambda: no worker runs while there are none."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import iam, lambda_

from moorage.aws.job_function_spec import LambdaJobWorkerSpec
from moorage.aws.job_place import job_place_environment
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.names import check_name
from moorage.aws.policy import allow, merged, policy_document
from moorage.aws.tags import named
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.parsing import known_of, parse

ADAPTER_VARIABLES: Mapping[str, str] = {"AWS_LWA_INVOKE_MODE": "buffered"}
"""Over the image's own. What streams has a head before its answer (lambda_http 1.1.0-rc1, src/streaming.rs), and an
answer that is no JSON says to Lambda's poller that all of a batch has failed (docs.aws.amazon.com/lambda/latest/dg/
services-sqs-errorhandling.html, read 2026-11-25)."""


class LambdaJobWorkerArgs(TypedDict):
    """Which model, in which image, for the jobs of which queue."""

    region: str
    """Where the function and the queue are."""
    account_id: pulumi.Input[str]
    """Of the account that the stack is in."""
    image: str
    """As `LambdaLlm` has it, and the same: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…`."""
    model: ModelArgs
    """What is inside. The context's length decides over memory."""
    facts: ModelFactsArgs
    """Of the model; `weight_bytes` is the size of its GGUF file, and `is_quantized` true."""
    queue_url: pulumi.Input[str]
    """`SqsJobQueue` has an output of this name, and of the next four."""
    queue_arn: pulumi.Input[str]
    """Of the same queue."""
    bucket_name: pulumi.Input[str]
    """For results."""
    table_name: pulumi.Input[str]
    """Of jobs that are done."""
    consumer_policy: pulumi.Input[str]
    """What the function may do with the four of them."""
    result_retention_days: NotRequired[pulumi.Input[int]]
    """The same, of the queue: so long it is known that a job is done. Default: 14."""
    visibility_seconds: int
    """The queue's. At least six times the function's timeout."""
    load: NotRequired[LoadArgs]
    """Of the jobs. Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long a job may take: the function's timeout is a start and twice `p99_request_seconds` for each job of a
    batch, 900 seconds at most. Default: that of `moorage.spec.ServiceLevel`."""
    architecture: NotRequired[str]
    """Of the image: `arm64`, which costs a fifth less, or `x86_64`. Default: `arm64`."""
    memory_mb: NotRequired[int]
    """With it come vCPUs, one for each 1,769. Default: what holds the model and keeps the service level."""
    batch_size: NotRequired[int]
    """Jobs that one call gets at most, 1 to 10. Its engine does them one after the other. Default: 1."""
    max_concurrency: NotRequired[int]
    """Calls at once, 2 to 1,000: what the jobs can cost at most. The account's other functions have so many less.
    Default: 2."""
    log_retention_days: NotRequired[int]
    """Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class LambdaJobWorker(pulumi.ComponentResource):
    """The image of `LambdaLlm` as a function of its own, which Lambda calls with what is in the queue.

    It has its own because its answers are whole, its time is not API Gateway's, jobs take no request's place, and what
    clients reach has no right on the queue.
    """

    function_name: pulumi.Output[str]
    """Which is its id."""
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: LambdaJobWorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a model or jobs that no function can do, with the numbers."""
        super().__init__("moorage:index:LambdaJobWorker", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(LambdaJobWorkerSpec, known_of(LambdaJobWorkerSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._surroundings = Surroundings.of(name, self._spec, args["account_id"], self._child)
        function, rights = self._create_function(args)
        self._create_trigger(args["queue_arn"], function, rights)
        self.function_name = function.id
        self.register_outputs({"function_name": self.function_name, "log_group_name": self.log_group_name})

    def _create_function(self, args: LambdaJobWorkerArgs) -> tuple[lambda_.Function, iam.RolePolicy]:
        name, spec = f"{self._name}-jobs", self._spec
        key = self._surroundings.create_key(f"Jobs' function {self._name}")
        log_group = self._surroundings.create_log_group(key, part="jobs")
        self.log_group_name = log_group.name
        role = self._surroundings.create_role("jobs", log_group, key)
        rights = iam.RolePolicy(
            f"{self._name}-queue-policy",
            role=role.id,
            policy=pulumi.Output.all(args["consumer_policy"], args["queue_arn"]).apply(lambda known: _rights(*known)),
            opts=self._child,
        )
        place = job_place_environment(args)
        function = lambda_.Function(
            name,
            description=f"Moorage {self._name}: jobs for {spec.model.served_name}",
            package_type="Image",
            image_uri=spec.image,
            architectures=[spec.architecture],
            memory_size=spec.plan.memory_mb,
            ephemeral_storage={"size": spec.plan.ephemeral_storage_mb},
            timeout=spec.timeout_seconds,
            reserved_concurrent_executions=spec.max_concurrency,
            role=role.arn,
            environment={"variables": {**spec.environment(spec.document), **ADAPTER_VARIABLES, **place}},
            kms_key_arn=key.arn,
            logging_config={"log_format": "JSON", "log_group": log_group.name},
            tags=named(name, spec.tags),
            opts=self._child,
        )
        return function, rights

    def _create_trigger(self, queue_arn: pulumi.Input[str], function: lambda_.Function, rights: iam.RolePolicy) -> None:
        name = f"{self._name}-trigger"
        lambda_.EventSourceMapping(
            name,
            event_source_arn=queue_arn,
            function_name=function.arn,
            function_response_types=["ReportBatchItemFailures"],
            batch_size=self._spec.batch_size,
            scaling_config={"maximum_concurrency": self._spec.max_concurrency},
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[rights])),
        )


def _rights(consumer_policy: str, queue_arn: str) -> str:
    """The worker's own, and what Lambda's poller asks for besides, which has the function's role
    (docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html, read 2026-11-25)."""
    return merged(consumer_policy, policy_document(allow("Poll", ("sqs:GetQueueAttributes",), (queue_arn,))))
