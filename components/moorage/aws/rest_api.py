"""A REST API of API Gateway before a function that streams its answers."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import apigateway, cloudwatch, kms, lambda_

from moorage.aws.account import partition_of
from moorage.aws.api_log_role import create_api_log_role
from moorage.aws.domain_name import AliasTarget, certificate_arn_of, create_alias
from moorage.aws.domain_name_spec import CustomDomainArgs
from moorage.aws.key_authorizer import create_key_authorizer
from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.names import check_name
from moorage.aws.rest_api_answers import RESPONSES, access_log_format
from moorage.aws.rest_api_health import HEALTH_PATH, create_health_route
from moorage.aws.rest_api_policy import clients_policy
from moorage.aws.rest_api_spec import RestApiSpec, ThrottleArgs
from moorage.aws.tags import named
from moorage.spec.gateway_document import Key
from moorage.spec.parsing import known_of, parse

STAGE = "live"
_ROUTE = "v1"
_REQUESTS = f"/{STAGE}/*/{_ROUTE}/*"
AUTHORIZATION_CACHE_SECONDS = 300
"""A key that was let in once is not looked at again for so long by the authorizer; the gateway looks at each."""
_SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_2021_06"
"""TLS 1.2 and 1.3 alone. Without one, API Gateway takes TLS 1.0 too (docs.aws.amazon.com/apigateway/latest/
developerguide/apigateway-security-policies.html, read 2026-11-25)."""
# docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html (read 2026-11-25)
_STREAMING_API_VERSION = "2021-11-15"


class LambdaRestApiArgs(TypedDict):
    """Which function, and who may call it."""

    region: str
    """Where the function is."""
    account_id: pulumi.Input[str]
    """Of the account that the stack is in."""
    function_name: pulumi.Input[str]
    """As `LambdaLlm` gives it: a gateway behind the Lambda Web Adapter that streams."""
    function_alias: pulumi.Input[str]
    """As `LambdaLlm` gives it."""
    keys: pulumi.Input[Sequence[Key]]
    """Whoever has none of these does not reach the function. Of each its hash is known alone."""
    timeout_seconds: int
    """Of the function; an answer is ended after it."""
    throttle: NotRequired[ThrottleArgs]
    """For all clients together; the gateway has limits for each. Default: 50 a second, 100 at once."""
    client_cidrs: NotRequired[Sequence[str]]
    """The networks from which clients come. Default: any; a key is needed in either case."""
    custom_domain: NotRequired[CustomDomainArgs]
    """Another name than API Gateway's own, which is switched off then. Default: none."""
    log_role: NotRequired[str]
    """The role by which API Gateway writes the logs of all APIs of the account in the region: `install` sets it, and
    takes it away on `destroy`; `present` where somebody else has set it. Default: `install`."""
    tracing: NotRequired[bool]
    """Whether X-Ray follows requests through API Gateway. Default: no."""
    log_retention_days: NotRequired[int]
    """Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class LambdaRestApi(pulumi.ComponentResource):
    """A Regional API that hands every request below `/v1` to a function and its answer on, piece by piece.

    A REST API, because an HTTP API streams nothing. A small function knows the keys, so that strangers do not start the
    large one. Nothing of what is asked or answered is logged.
    """

    endpoint_url: pulumi.Output[str]
    """What an OpenAI client takes as `base_url`, ending in `/v1`."""
    domain_target: pulumi.Output[str]
    """Where the record of a custom domain points to, which is yours to make without a hosted zone; empty without a
    custom domain."""
    access_log_group_name: pulumi.Output[str]
    api_name: pulumi.Output[str]
    """By which, and by the stage's, CloudWatch has its metrics."""
    stage_name: pulumi.Output[str]

    def __init__(self, name: str, args: LambdaRestApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that cannot be served."""
        super().__init__("moorage:index:LambdaRestApi", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(RestApiSpec, known_of(RestApiSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._surroundings = Surroundings.of(name, self._spec, args["account_id"], self._child)
        key = self._surroundings.create_key(f"API {name}")
        access_log = self._surroundings.create_log_group(key, part="access")
        api = self._create_api()
        stage = self._create_stage(api, self._deploy(api, args, key), access_log)
        domain = self._create_domain(api, stage)
        self.endpoint_url = pulumi.Output.concat(
            stage.invoke_url if domain is None else pulumi.Output.concat("https://", domain.domain_name), f"/{_ROUTE}"
        )
        self.domain_target = pulumi.Output.from_input("") if domain is None else domain.regional_domain_name
        self.access_log_group_name = access_log.name
        self.api_name, self.stage_name = api.name, stage.stage_name
        self.register_outputs(
            {
                "endpoint_url": self.endpoint_url,
                "domain_target": self.domain_target,
                "access_log_group_name": self.access_log_group_name,
                "api_name": self.api_name,
                "stage_name": self.stage_name,
            }
        )

    def _create_api(self) -> apigateway.RestApi:
        name = f"{self._name}-api"
        return apigateway.RestApi(
            name,
            description=f"Moorage {self._name}",
            endpoint_configuration={"types": "REGIONAL"},
            security_policy=_SECURITY_POLICY,
            endpoint_access_mode="STRICT",
            disable_execute_api_endpoint=self._spec.custom_domain is not None,
            tags=named(name, self._spec.tags),
            opts=self._child,
        )

    def _deploy(self, api: apigateway.RestApi, args: LambdaRestApiArgs, key: kms.Key) -> apigateway.Deployment:
        """What a stage shows is a copy: it is made anew whenever something that went into it is another."""
        authorizer = self._create_authorizer(api, args, key)
        integration = self._create_route(api, args, authorizer)
        policy = self._create_policy(api)
        responses = self._create_responses(api)
        health = create_health_route(self._name, api, self._child)
        return apigateway.Deployment(
            f"{self._name}-deployment",
            rest_api=api.id,
            triggers={
                "authorizer": authorizer.authorizer_uri.apply(lambda uri: uri or ""),
                "integration": integration.uri.apply(lambda uri: uri or ""),
                "timeout_seconds": str(self._spec.timeout_seconds),
                "clients": ", ".join(self._spec.client_cidrs or ()),
                # Clients go on to reach a name that is switched off until there is another deployment
                # (docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html, read
                # 2026-11-26).
                "own_name": str(self._spec.custom_domain is not None),
                "responses": json.dumps([vars(response) for response in RESPONSES.values()], sort_keys=True),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[integration, policy, *responses, *health]),
        )

    def _create_authorizer(
        self, api: apigateway.RestApi, args: LambdaRestApiArgs, key: kms.Key
    ) -> apigateway.Authorizer:
        function = create_key_authorizer(self._surroundings, key, args["keys"])
        authorizer = apigateway.Authorizer(
            f"{self._name}-authorizer",
            rest_api=api.id,
            type="REQUEST",
            authorizer_uri=function.invoke_arn,
            identity_source="method.request.header.Authorization",
            authorizer_result_ttl_in_seconds=AUTHORIZATION_CACHE_SECONDS,
            opts=self._child,
        )
        lambda_.Permission(
            f"{self._name}-authorizer-permission",
            action="lambda:InvokeFunction",
            function=function.id,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(api.execution_arn, "/authorizers/", authorizer.id),
            opts=self._child,
        )
        return authorizer

    def _create_route(
        self, api: apigateway.RestApi, args: LambdaRestApiArgs, authorizer: apigateway.Authorizer
    ) -> apigateway.Integration:
        below = apigateway.Resource(
            f"{self._name}-{_ROUTE}",
            rest_api=api.id,
            parent_id=api.root_resource_id,
            path_part=_ROUTE,
            opts=self._child,
        )
        anything = apigateway.Resource(
            f"{self._name}-proxy", rest_api=api.id, parent_id=below.id, path_part="{proxy+}", opts=self._child
        )
        method = apigateway.Method(
            f"{self._name}-method",
            rest_api=api.id,
            resource_id=anything.id,
            http_method="ANY",
            authorization="CUSTOM",
            authorizer_id=authorizer.id,
            request_parameters={"method.request.path.proxy": True},
            opts=self._child,
        )
        lambda_.Permission(
            f"{self._name}-permission",
            action="lambda:InvokeFunction",
            function=args["function_name"],
            qualifier=args["function_alias"],
            principal="apigateway.amazonaws.com",
            source_arn=self._requests_of(api),
            opts=self._child,
        )
        return apigateway.Integration(
            f"{self._name}-integration",
            rest_api=api.id,
            resource_id=anything.id,
            http_method=method.http_method,
            integration_http_method="POST",
            type="AWS_PROXY",
            uri=self._function_uri(args),
            response_transfer_mode="STREAM",
            timeout_milliseconds=self._spec.timeout_seconds * 1000,
            opts=self._child,
        )

    def _function_uri(self, args: LambdaRestApiArgs) -> pulumi.Output[str]:
        region, partition = self._spec.region, partition_of(self._spec.region)
        return pulumi.Output.concat(
            f"arn:{partition}:apigateway:{region}:lambda:path/{_STREAMING_API_VERSION}/functions/",
            f"arn:{partition}:lambda:{region}:",
            args["account_id"],
            ":function:",
            args["function_name"],
            ":",
            args["function_alias"],
            "/response-streaming-invocations",
        )

    def _requests_of(self, api: apigateway.RestApi) -> pulumi.Output[str]:
        """Every method and path of the stage that a function answers."""
        return pulumi.Output.concat(api.execution_arn, _REQUESTS)

    def _paths(self, execution_arn: str) -> Sequence[str]:
        """All that there are."""
        return (f"{execution_arn}{_REQUESTS}", f"{execution_arn}/{STAGE}/GET/{HEALTH_PATH}")

    def _create_policy(self, api: apigateway.RestApi) -> apigateway.RestApiPolicy:
        networks = self._spec.client_cidrs
        return apigateway.RestApiPolicy(
            f"{self._name}-policy",
            rest_api_id=api.id,
            policy=api.execution_arn.apply(lambda arn: clients_policy(self._paths(arn), networks)),
            opts=self._child,
        )

    def _create_responses(self, api: apigateway.RestApi) -> Sequence[apigateway.Response]:
        return [
            apigateway.Response(
                f"{self._name}-{kind.lower().replace('_', '-')}",
                rest_api_id=api.id,
                response_type=kind,
                status_code=response.status_code,
                response_templates=response.response_templates,
                response_parameters=response.response_parameters,
                opts=self._child,
            )
            for kind, response in RESPONSES.items()
        ]

    def _create_stage(
        self, api: apigateway.RestApi, deployment: apigateway.Deployment, access_log: cloudwatch.LogGroup
    ) -> apigateway.Stage:
        name = f"{self._name}-stage"
        stage = apigateway.Stage(
            name,
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": access_log.arn, "format": access_log_format()},
            xray_tracing_enabled=self._spec.tracing,
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._log_role()),
        )
        apigateway.MethodSettings(
            f"{self._name}-settings",
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "throttling_rate_limit": self._spec.throttle.requests_per_second,
                "throttling_burst_limit": self._spec.throttle.burst,
                # Execution logs have headers, and with data trace what was asked and answered.
                "logging_level": "OFF",
                "data_trace_enabled": False,
            },
            opts=self._child,
        )
        return stage

    def _log_role(self) -> Sequence[pulumi.Resource]:
        """Empty where the account has one already."""
        if self._spec.log_role == "present":
            return ()
        return (create_api_log_role(self._name, self._spec.region, self._spec.tags, self._child),)

    def _create_domain(self, api: apigateway.RestApi, stage: apigateway.Stage) -> apigateway.DomainName | None:
        custom = self._spec.custom_domain
        if custom is None:
            return None
        name = f"{self._name}-domain"
        domain = apigateway.DomainName(
            name,
            domain_name=custom.domain_name,
            regional_certificate_arn=certificate_arn_of(
                f"{self._name}-certificate", custom, self._spec.tags, self._child
            ),
            endpoint_configuration={"types": "REGIONAL"},
            security_policy=_SECURITY_POLICY,
            endpoint_access_mode="STRICT",
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        apigateway.BasePathMapping(
            f"{self._name}-mapping",
            rest_api=api.id,
            stage_name=stage.stage_name,
            domain_name=domain.domain_name,
            opts=self._child,
        )
        target = AliasTarget(domain.regional_domain_name, domain.regional_zone_id)
        create_alias(f"{self._name}-alias", custom, target, self._child)
        return domain
