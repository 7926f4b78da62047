"""A model in a function of AWS Lambda: nothing runs, and nothing is paid for, while nobody asks."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import iam, lambda_

from moorage.aws.account import managed_policy
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.names import check_name
from moorage.aws.provisioned_concurrency import create_provisioned_concurrency
from moorage.aws.provisioned_concurrency_spec import ProvisionedConcurrencyArgs
from moorage.aws.serverless_spec import LambdaLlmSpec
from moorage.aws.tags import named
from moorage.aws.warm_up import create_warm_up
from moorage.credentials.api_key import ApiKey
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Key, Upstream, generated_key
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse

ALIAS = "live"


class LambdaLlmArgs(TypedDict):
    """Which model, in which image, for which load."""

    region: str
    """Where the function is."""
    account_id: pulumi.Input[str]
    """Of the account that the stack is in."""
    image: str
    """The serving image for Lambda with the model inside, in ECR of the same region, by its digest:
    `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…`."""
    model: ModelArgs
    """What is inside. The context's length decides over memory."""
    facts: ModelFactsArgs
    """Of the model; `weight_bytes` is the size of its GGUF file, and `is_quantized` true."""
    load: NotRequired[LoadArgs]
    """Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """Default: that of `moorage.spec.ServiceLevel`."""
    architecture: NotRequired[str]
    """Of the image: `arm64`, which costs a fifth less, or `x86_64`. Default: `arm64`."""
    memory_mb: NotRequired[int]
    """With it come vCPUs, one for each 1,769. Default: what holds the model and keeps the service level."""
    reserved_concurrency: NotRequired[int]
    """Requests that are answered at once, one in each environment: what the function can cost at most. The account's
    other functions have so many less. Default: the load's `concurrent_requests`."""
    provisioned_concurrency: NotRequired[ProvisionedConcurrencyArgs]
    """Environments that are kept started. Default: none."""
    warm_up_minutes: NotRequired[int]
    """A request every so many minutes, so that AWS keeps one environment started as long as it likes to. Default:
    none."""
    settings: NotRequired[GatewaySettings]
    """What else the gateway's document says: tenants, further keys and so on, as far as 4 KB go. Default: nothing."""
    tenant: NotRequired[str]
    """The tenant of the generated key, out of the settings' tenants. Default: one of its own, without limits."""
    tracing: NotRequired[bool]
    """Whether X-Ray samples requests. Default: no."""
    log_retention_days: NotRequired[int]
    """Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class LambdaLlm(pulumi.ComponentResource):
    """llama.cpp's server and the gateway in one image, behind the Lambda Web Adapter; one request in each environment.

    Reached through `LambdaRestApi`. A client that leaves does not end what it has asked for: that runs, and is paid
    for, to its end.
    """

    api_key: pulumi.Output[str]
    """The generated key, a secret."""
    keys: pulumi.Output[Sequence[Key]]
    """Of all keys the hashes: the generated one's, and the settings'."""
    function_name: pulumi.Output[str]
    """Which is its id."""
    function_alias: pulumi.Output[str]
    """Of the version that is in use."""
    log_group_name: pulumi.Output[str]
    upstream: pulumi.Output[Upstream]
    """The engine as the gateway in the same environment sees it."""

    def __init__(self, name: str, args: LambdaLlmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a model or a load that no function can serve, with the numbers."""
        super().__init__("moorage:index:LambdaLlm", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(LambdaLlmSpec, known_of(LambdaLlmSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._surroundings = Surroundings.of(name, self._spec, args["account_id"], self._child)
        secret = ApiKey(f"{name}-api-key", self._child)
        generated = pulumi.Output.unsecret(secret.key).apply(lambda key: generated_key(key, self._spec.tenant))
        function = self._create_function(generated.apply(self._spec.document))
        alias = lambda_.Alias(
            f"{name}-alias",
            name=ALIAS,
            function_name=function.id,
            function_version=function.version,
            opts=self._child,
        )
        self._keep_started(alias)
        self.api_key = secret.key
        self.keys = generated.apply(self._spec.keys)
        self.function_name = function.id
        self.function_alias = alias.name
        self.log_group_name = self._log_group.name
        self.upstream = pulumi.Output.from_input(self._spec.upstream)
        self.register_outputs(
            {
                "api_key": self.api_key,
                "keys": self.keys,
                "function_name": self.function_name,
                "function_alias": self.function_alias,
                "log_group_name": self.log_group_name,
                "upstream": self.upstream,
            }
        )

    def _create_function(self, document: pulumi.Output[str]) -> lambda_.Function:
        name, plan = f"{self._name}-function", self._spec.plan
        key = self._surroundings.create_key(f"Function {self._name}")
        self._log_group = self._surroundings.create_log_group(key, part="function")
        role = self._surroundings.create_role("function", self._log_group, key)
        if self._spec.tracing:
            iam.RolePolicyAttachment(
                f"{self._name}-tracing",
                role=role.name,
                policy_arn=managed_policy(self._spec.region, "AWSXRayDaemonWriteAccess"),
                opts=self._child,
            )
        return lambda_.Function(
            name,
            description=f"Moorage {self._name}: {self._spec.model.served_name}",
            package_type="Image",
            image_uri=self._spec.image,
            architectures=[self._spec.architecture],
            memory_size=plan.memory_mb,
            ephemeral_storage={"size": plan.ephemeral_storage_mb},
            timeout=plan.timeout_seconds,
            reserved_concurrent_executions=self._spec.concurrency,
            publish=True,
            role=role.arn,
            environment={"variables": document.apply(self._spec.environment)},
            kms_key_arn=key.arn,
            logging_config={"log_format": "JSON", "log_group": self._log_group.name},
            tracing_config={"mode": "Active" if self._spec.tracing else "PassThrough"},
            tags=named(name, self._spec.tags),
            opts=self._child,
        )

    def _keep_started(self, alias: lambda_.Alias) -> None:
        spec = self._spec
        if spec.provisioned_concurrency is not None:
            create_provisioned_concurrency(self._name, spec.provisioned_concurrency, alias, spec.tags, self._child)
        if spec.warm_up_minutes is not None:
            create_warm_up(self._surroundings, alias, spec.warm_up_minutes)
