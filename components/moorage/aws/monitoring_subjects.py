"""Whose metrics there are: the namespace and the dimensions of each part of a stack."""

from collections.abc import Mapping, Sequence
from string import Template
from typing import NamedTuple, NotRequired, TypedDict

import pulumi

from moorage.aws.gateway_metrics import NAMESPACE, STACK_DIMENSION, UPSTREAM_DIMENSION

# Each service's page of metrics: tests/contract/aws_cloudwatch_metrics.csv has the addresses.
_LOAD_BALANCER_NAMESPACE = "AWS/ApplicationELB"
_QUEUE_NAMESPACE = "AWS/SQS"
_API_NAMESPACE = "AWS/ApiGateway"
_ENDPOINT_NAMESPACE = "AWS/SageMaker"
_FUNCTION_NAMESPACE = "AWS/Lambda"
_SERVICE_NAMESPACE = "AWS/ECS"

Dimensions = Mapping[str, pulumi.Input[str]]


class Subject(NamedTuple):
    """A part of the stack, or several of one kind, each with its own dimensions."""

    namespace: str
    dimensions: Sequence[Dimensions]


class MonitoredLoadBalancerArgs(TypedDict):
    """An Application Load Balancer before gateways that are always on."""

    load_balancer_arn_suffix: pulumi.Input[str]
    """`app/name/…`, as CloudWatch names it."""
    target_group_arn_suffix: pulumi.Input[str]
    """`targetgroup/name/…`: the gateways."""


class MonitoredApiArgs(TypedDict):
    """A REST API of API Gateway."""

    api_name: pulumi.Input[str]
    """Its name, not its id: so CloudWatch has it."""
    stage_name: pulumi.Input[str]
    """Of the API, not of Pulumi."""


class MonitoredEndpointArgs(TypedDict):
    """An endpoint of SageMaker."""

    endpoint_name: pulumi.Input[str]
    """One that answers at once: an asynchronous one tells CloudWatch nothing of invocations."""
    variant_name: pulumi.Input[str]
    """Its production variant."""


class MonitoredServiceArgs(TypedDict):
    """A service of ECS."""

    cluster_name: pulumi.Input[str]
    """Where it runs."""
    service_name: pulumi.Input[str]
    """Within the cluster."""


class MonitoredPartsArgs(TypedDict):
    """Those of a stack that AWS measures itself, as `CloudWatchMonitoringArgs` has them."""

    load_balancer: NotRequired[MonitoredLoadBalancerArgs]
    """Before gateways that are always on."""
    has_cache: NotRequired[bool]
    """Whether gateways have a Redis or Valkey."""
    api: NotRequired[MonitoredApiArgs]
    """Before gateways on Lambda."""
    queue_name: NotRequired[pulumi.Input[str]]
    """Of jobs."""
    dead_letter_queue_name: NotRequired[pulumi.Input[str]]
    """Where jobs go that are not tried again."""
    endpoint: NotRequired[MonitoredEndpointArgs]
    """Of SageMaker."""
    function_name: NotRequired[pulumi.Input[str]]
    """Of Lambda."""
    services: NotRequired[Sequence[MonitoredServiceArgs]]
    """Of ECS."""


class Inputs(Template):
    """`%{name}`, as in the alerts for Prometheus."""

    delimiter = "%"


def subjects(stack: str, upstreams: Sequence[str], parts: MonitoredPartsArgs) -> dict[str, Subject]:
    """Those that are there, by the names that alarms and dashboard have for them."""
    own = {STACK_DIMENSION: stack}
    found = {"gateway": Subject(NAMESPACE, [own])}
    if upstreams:
        found["upstreams"] = Subject(NAMESPACE, [{**own, UPSTREAM_DIMENSION: upstream} for upstream in upstreams])
    if parts.get("has_cache", False):
        found["gateway_with_cache"] = Subject(NAMESPACE, [own])
    if "load_balancer" in parts:
        balancer = {"LoadBalancer": parts["load_balancer"]["load_balancer_arn_suffix"]}
        target_group = {**balancer, "TargetGroup": parts["load_balancer"]["target_group_arn_suffix"]}
        found["load_balancer"] = Subject(_LOAD_BALANCER_NAMESPACE, [balancer])
        found["target_group"] = Subject(_LOAD_BALANCER_NAMESPACE, [target_group])
    if "api" in parts:
        api = {"ApiName": parts["api"]["api_name"], "Stage": parts["api"]["stage_name"]}
        found["api"] = Subject(_API_NAMESPACE, [api])
    if "queue_name" in parts:
        found["queue"] = Subject(_QUEUE_NAMESPACE, [{"QueueName": parts["queue_name"]}])
    if "dead_letter_queue_name" in parts:
        found["dead_letter_queue"] = Subject(_QUEUE_NAMESPACE, [{"QueueName": parts["dead_letter_queue_name"]}])
    if "endpoint" in parts:
        endpoint = parts["endpoint"]
        dimensions = {"EndpointName": endpoint["endpoint_name"], "VariantName": endpoint["variant_name"]}
        found["endpoint"] = Subject(_ENDPOINT_NAMESPACE, [dimensions])
    if "function_name" in parts:
        found["function"] = Subject(_FUNCTION_NAMESPACE, [{"FunctionName": parts["function_name"]}])
    if parts.get("services"):
        services = parts.get("services", ())
        found["services"] = Subject(
            _SERVICE_NAMESPACE,
            [{"ClusterName": service["cluster_name"], "ServiceName": service["service_name"]} for service in services],
        )
    return found
