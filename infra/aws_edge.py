"""CloudFront before a stack's private gateways."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws

from moorage.aws.edge import EdgeDistribution, EdgeDistributionArgs
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.load_balancer_spec import HTTPS
from moorage.aws.tags import named
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from edge_configuration import EdgeSettings
    from moorage.aws.rest_api_spec import CustomDomainArgs

_ORIGIN = "gateways"
_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"
"""docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (a copy of it, read
2026-11-25): the balancer has to let it in, before the origin is made. It counts as 55 of a group's 60 rules
(docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html, AWS's public copy of it, read
2026-11-26)."""


def build_edge(
    settings: Settings,
    balancer: StreamLoadBalancer,
    account_id: pulumi.Input[str],
    api_key: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> EdgeDistribution:
    """What clients call in the balancer's place. `api_key`: the gateway's, which clients get signed."""
    configuration = settings.configuration
    wanted, tags = cast("EdgeSettings", configuration.edge), cast("AwsSettings", configuration.aws).tags
    _let_cloudfront_in(balancer, tags, opts)
    args: EdgeDistributionArgs = {
        "account_id": account_id,
        "origins": {
            _ORIGIN: {
                "load_balancer_arn": balancer.load_balancer_arn,
                # `Configuration` has seen to it that there is one.
                "domain_name": cast("str", configuration.load_balancer.hostname),
            }
        },
        "api_key": api_key,
        "enabled": wanted.enabled,
        "tags": tags,
    }
    if wanted.custom_domain is not None:
        args["custom_domain"] = cast("CustomDomainArgs", wanted.custom_domain.model_dump())
    if wanted.web_acl_arn is not None:
        args["web_acl_arn"] = wanted.web_acl_arn
    return EdgeDistribution("edge", args, opts)


def _let_cloudfront_in(balancer: StreamLoadBalancer, tags: Mapping[str, str], opts: pulumi.ResourceOptions) -> None:
    """By AWS's list: the group that CloudFront makes for itself there is only after the origin."""
    addresses = pulumi_aws.ec2.get_managed_prefix_list_output(
        name=_PREFIX_LIST, opts=pulumi.InvokeOutputOptions(provider=opts.provider)
    )
    name = "edge-to-balancer"
    pulumi_aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=balancer.security_group_id,
        description="CloudFront",
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        prefix_list_id=addresses.id,
        tags=named(name, tags),
        opts=opts,
    )
