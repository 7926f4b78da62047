"""CloudFront before a stack's private gateways."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws

from moorage.aws.edge import EdgeDistribution, EdgeDistributionArgs
from moorage.aws.edge_spec import MOST_ORIGIN_SECONDS
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.load_balancer_spec import HTTPS
from moorage.aws.network import AwsNetwork
from moorage.aws.tags import named
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from edge_configuration import EdgeSettings
    from moorage.aws.domain_name_spec import CustomDomainArgs

_ORIGIN = "gateways"
_GROUP_OF_ORIGINS = "CloudFront-VPCOrigins-Service-SG*"
"""The security group that CloudFront makes in a network with its first origin, by a name that AWS keeps for itself.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (a copy, read 2026-11-26):
to let in that group is "further restrictive" than to let in the addresses of all of CloudFront, whose list counts as 55
of a group's 60 rules (docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html, likewise).
"""


def build_edge(
    settings: Settings,
    balancer: StreamLoadBalancer,
    network: AwsNetwork,
    api_key: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> EdgeDistribution:
    """What clients call in the balancer's place. `api_key`: the gateway's, which clients get signed."""
    configuration = settings.configuration
    _warn_of_silence(configuration.service_level.p99_request_seconds)
    wanted, tags = cast("EdgeSettings", configuration.edge), cast("AwsSettings", configuration.aws).tags
    args: EdgeDistributionArgs = {
        "account_id": network.account_id,
        "origins": {
            _ORIGIN: {
                "load_balancer_arn": balancer.load_balancer_arn,
                # `Configuration` has seen to it that there is one.
                "domain_name": cast("str", configuration.load_balancer.hostname),
            }
        },
        "api_key": api_key,
        "signing_secret_version": wanted.signing_secret_version,
        "enabled": wanted.enabled,
        "tags": tags,
    }
    if wanted.custom_domain is not None:
        args["custom_domain"] = cast("CustomDomainArgs", wanted.custom_domain.model_dump(exclude_none=True))
    if wanted.web_acl_arn is not None:
        args["web_acl_arn"] = wanted.web_acl_arn
    edge = EdgeDistribution("edge", args, opts)
    _let_in(edge, balancer, network, tags, opts)
    return edge


def _warn_of_silence(p99_request_seconds: float) -> None:
    if p99_request_seconds > MOST_ORIGIN_SECONDS:
        pulumi.log.warn(
            f"service_level.p99_request_seconds = {p99_request_seconds:g}: CloudFront answers 504 after "
            f"{MOST_ORIGIN_SECONDS} seconds without a byte; answers that take longer have to be streamed"
        )


def _let_in(
    edge: EdgeDistribution,
    balancer: StreamLoadBalancer,
    network: AwsNetwork,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Once the group is there, which AWS gives no other name of."""
    group = pulumi_aws.ec2.get_security_group_output(
        vpc_id=network.vpc_id,
        filters=[{"name": "group-name", "values": [_GROUP_OF_ORIGINS]}],
        opts=pulumi.InvokeOutputOptions(provider=opts.provider, depends_on=[edge]),
    )
    name = "edge-to-balancer"
    pulumi_aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=balancer.security_group_id,
        description="CloudFront",
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        referenced_security_group_id=group.id,
        tags=named(name, tags),
        opts=opts,
    )
