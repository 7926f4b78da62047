"""A function of AWS Lambda with a GPU, on instances that Lambda manages."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_aws import cloudformation, iam

from moorage.aws.account import managed_policy
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.names import check_name
from moorage.aws.policy import trusted_in
from moorage.aws.serverless_gpu_spec import LambdaGpuFunctionSpec
from moorage.aws.serverless_gpu_template import ALIAS, MadeBefore, gpu_function_template
from moorage.aws.tags import named
from moorage.spec.parsing import known_of, parse

_TIMEOUT_MINUTES = 60
"""Until instances have started and the image has answered, which Lambda gives up to 15 minutes."""


class LambdaGpuFunctionArgs(TypedDict):
    """Which image, on which GPU, and how many of it."""

    region: str
    """Where the function is."""
    account_id: pulumi.Input[str]
    """Of the account that the stack is in."""
    image: str
    """An image for x86_64 in ECR of the same region, by its digest, that answers HTTP behind the Lambda Web Adapter:
    gateway, vLLM and model. Moorage builds none such."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables of the function, such as the gateway's document; CloudFormation shows them. Default: none."""
    accelerator_memory_gib: int
    """Of one GPU at least: 3, 6, 12, 16, 24 or 48."""
    memory_mb: int
    """From 2,048 to 32,768."""
    memory_gib_per_vcpu: NotRequired[int]
    """2, 4 or 8. Default: 4."""
    ephemeral_storage_mb: NotRequired[int]
    """Of `/tmp`, from 512 to 10,240. Default: 512."""
    timeout_seconds: NotRequired[int]
    """After it a request is ended. Default: 900, which is the most."""
    concurrent_requests: NotRequired[int]
    """That one environment gets at once. Default: 16."""
    min_environments: NotRequired[int]
    """That are kept started. With 0, requests fail for the minutes that an instance takes to come. Default: 1."""
    max_environments: NotRequired[int]
    """Default: 1."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Of the instances: private ones, with a way to ECR and CloudWatch Logs."""
    security_group_ids: pulumi.Input[Sequence[str]]
    """Of the instances; nobody has to be let in."""
    instance_types: NotRequired[Sequence[str]]
    """Such as `g6.xlarge`. Default: those with such a GPU that Lambda knows."""
    max_vcpus: int
    """Of all instances together: what they can cost at most."""
    log_retention_days: NotRequired[int]
    """Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource, and on the instances. Default: none."""


class LambdaGpuFunction(pulumi.ComponentResource):
    """Made by CloudFormation, because Pulumi's provider has no accelerator for a function.

    `LambdaRestApi` stands before it as before any function. Its instances are paid for by the hour, with a fee on top.
    """

    function_name: pulumi.Output[str]
    function_alias: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: LambdaGpuFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that Lambda would refuse."""
        super().__init__("moorage:index:LambdaGpuFunction", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(LambdaGpuFunctionSpec, known_of(LambdaGpuFunctionSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._surroundings = Surroundings.of(name, self._spec, args["account_id"], self._child)
        # The managed policy by which Lambda launches instances has no right on a key (the page below).
        key = self._surroundings.create_key(f"Function {name}", for_volumes=True)
        log_group = self._surroundings.create_log_group(key, part="function")
        made = pulumi.Output.all(
            role_arn=self._surroundings.create_role("function", log_group, key).arn,
            operator_role_arn=self._create_operator_role(),
            key_arn=key.arn,
            log_group=log_group.name,
            subnet_ids=args["subnet_ids"],
            security_group_ids=args["security_group_ids"],
            environment=args.get("environment", {}),
        )
        stack = cloudformation.Stack(
            f"{name}-stack",
            template_body=made.apply(self._template),
            timeout_in_minutes=_TIMEOUT_MINUTES,
            tags=named(f"{name}-stack", self._spec.tags),
            opts=self._child,
        )
        self.function_name = stack.name
        self.function_alias = stack.id.apply(lambda _: ALIAS)
        self.log_group_name = log_group.name
        self.register_outputs(
            {
                "function_name": self.function_name,
                "function_alias": self.function_alias,
                "log_group_name": self.log_group_name,
            }
        )

    def _template(self, made: Mapping[str, object]) -> str:
        return gpu_function_template(self._spec, cast("MadeBefore", made))

    def _create_operator_role(self) -> pulumi.Output[str]:
        """By which Lambda launches instances
        (docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-operator-role.html, read 2026-11-25)."""
        name = f"{self._name}-operator-role"
        role = iam.Role(
            name,
            assume_role_policy=self._surroundings.account.apply(
                lambda account: trusted_in(account, "lambda.amazonaws.com")
            ),
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        attachment = iam.RolePolicyAttachment(
            f"{self._name}-operator-policy",
            role=role.name,
            policy_arn=managed_policy(self._spec.region, "AWSLambdaManagedEC2ResourceOperator"),
            opts=self._child,
        )
        # Lambda needs the right as long as there are instances.
        return pulumi.Output.all(role.arn, attachment.id).apply(lambda known: known[0])
