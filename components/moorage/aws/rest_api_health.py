"""What an API answers to whoever asks whether it is there, without any function."""

from collections.abc import Sequence

import pulumi
from pulumi_aws import apigateway

HEALTH_PATH = "health"
_STATUS = "200"
_GET = "GET"


def create_health_route(name: str, api: apigateway.RestApi, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
    """`GET /health` for everybody, as a gateway asks its upstreams every few seconds.

    It starts nothing, and says nothing of the function behind.
    """
    resource = apigateway.Resource(
        f"{name}-{HEALTH_PATH}", rest_api=api.id, parent_id=api.root_resource_id, path_part=HEALTH_PATH, opts=opts
    )
    method = apigateway.Method(
        f"{name}-{HEALTH_PATH}-method",
        rest_api=api.id,
        resource_id=resource.id,
        http_method=_GET,
        authorization="NONE",
        opts=opts,
    )
    integration = apigateway.Integration(
        f"{name}-{HEALTH_PATH}-integration",
        rest_api=api.id,
        resource_id=resource.id,
        http_method=method.http_method,
        type="MOCK",
        request_templates={"application/json": f'{{"statusCode": {_STATUS}}}'},
        opts=opts,
    )
    response = apigateway.MethodResponse(
        f"{name}-{HEALTH_PATH}-response",
        rest_api=api.id,
        resource_id=resource.id,
        http_method=method.http_method,
        status_code=_STATUS,
        opts=opts,
    )
    answer = apigateway.IntegrationResponse(
        f"{name}-{HEALTH_PATH}-answer",
        rest_api=api.id,
        resource_id=resource.id,
        http_method=method.http_method,
        status_code=response.status_code,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[integration])),
    )
    return (integration, answer)
