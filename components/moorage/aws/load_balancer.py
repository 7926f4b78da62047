"""A load balancer before gateways."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ec2, lb, vpc, wafv2

from moorage.aws.connection_log_bucket import create_connection_log_bucket
from moorage.aws.domain_name import AliasTarget, certificate_arn_of, create_alias
from moorage.aws.load_balancer_spec import API_PATHS, GATEWAY_PORT, HEALTH_PATH, LoadBalancerSpec
from moorage.aws.names import check_name
from moorage.aws.security_group import let_in
from moorage.aws.tags import named
from moorage.aws.web_acl import create_web_acl
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse

# docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html (read 2026-11-25): TLS 1.2 with
# forward secrecy, and 1.3 with post-quantum key exchange.
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
# As the gateway itself says it.
_NOT_FOUND: lb.ListenerDefaultActionFixedResponseArgsDict = {
    "status_code": "404",
    "content_type": "application/json",
    "message_body": json.dumps(
        {
            "error": {
                "message": "There is nothing at this path.",
                "type": "invalid_request_error",
                "param": None,
                "code": "unknown_url",
            }
        }
    ),
}
# Names are at most 32 characters, of which AWS's provider makes up all but these.
_PREFIX_LENGTH = 5


class LoadBalancerExposureArgs(TypedDict):
    """Who reaches the gateways, and how."""

    public: NotRequired[bool]
    """Whether it has addresses of the internet. Default: addresses of the network alone."""
    hostname: NotRequired[str]
    """What clients call, such as `llm.example.com`: an alias for the balancer's own name."""
    hosted_zone_id: NotRequired[str]
    """Of the zone of Route 53 that gets the hostname's alias, and without `certificate_arn` the record that validates a
    new certificate: a public zone then. Default: the records are yours to make."""
    certificate_arn: NotRequired[str]
    """Of ACM, for the hostname. Default: a new one with `hosted_zone_id`; without it none, and no TLS, which public
    gateways may not have."""
    client_cidrs: NotRequired[Sequence[str]]
    """Who may connect. Default: the network itself; public gateways have to say."""
    web_acl_arn: NotRequired[str]
    """Of AWS WAF. Its rules on the size and the words of bodies may only count: prompts look like attacks. Default:
    none."""
    managed_web_acl: NotRequired[bool]
    """Whether there is one of the balancer's own in its place: against floods, addresses of bad repute and AWS's common
    rules, those on bodies only counted. Default: no."""


class StreamLoadBalancerArgs(TypedDict):
    """Where it is, what is behind it, and how it lets go of what ends."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    vpc_id: pulumi.Input[str]
    """Where the subnets are."""
    vpc_cidr_block: pulumi.Input[str]
    """Of the network: its own clients."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """In at least two zones; public ones for public gateways."""
    target_security_group_id: pulumi.Input[str]
    """Of the gateways, which it reaches."""
    exposure: NotRequired[LoadBalancerExposureArgs]
    """Default: from inside the network alone, without TLS."""
    settings: NotRequired[GatewaySettings]
    """Those of the gateways: how long an answer may be silent follows from them. Default: nothing."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long a gateway that ends keeps its requests follows from it. Default: `moorage.spec.ServiceLevel`'s."""
    deletion_protection: NotRequired[bool]
    """Whether it refuses to be deleted. Default: it does."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class StreamLoadBalancer(pulumi.ComponentResource):
    """An Application Load Balancer for answers that are streamed.

    A request goes to the gateway with the fewest open ones; what is not below `/v1` goes to none. There is no access
    log: it would have each request's line, with its query; the gateway's own lines have none. Who has connected is
    logged for 90 days.
    """

    load_balancer_arn: pulumi.Output[str]
    load_balancer_arn_suffix: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    """What an alias for the hostname names."""
    zone_id: pulumi.Output[str]
    """The same."""
    security_group_id: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    """Known once requests reach the group."""
    target_group_arn_suffix: pulumi.Output[str]
    address: pulumi.Output[str]
    """`https://host` or `http://host`."""

    def __init__(self, name: str, args: StreamLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what AWS would refuse, and for keys that would be read on the way."""
        super().__init__("moorage:index:StreamLoadBalancer", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(LoadBalancerSpec, known_of(LoadBalancerSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        group = self._create_security_group(args)
        balancer = self._create_balancer(args, group)
        targets = self._create_target_group(args)
        rule = self._create_rule(self._create_listener(balancer), targets)
        domain = self._spec.exposure.domain
        if domain is not None:
            create_alias(f"{name}-alias", domain, AliasTarget(balancer.dns_name, balancer.zone_id), self._child)
        self.load_balancer_arn, self.load_balancer_arn_suffix = balancer.arn, balancer.arn_suffix
        self.dns_name, self.zone_id, self.security_group_id = balancer.dns_name, balancer.zone_id, group.id
        self.target_group_arn = pulumi.Output.all(targets.arn, rule.id).apply(lambda known: known[0])
        self.target_group_arn_suffix = targets.arn_suffix
        hostname = self._spec.exposure.hostname
        scheme = "http" if domain is None else "https"
        self.address = pulumi.Output.concat(f"{scheme}://", hostname or balancer.dns_name)
        self.register_outputs(
            {
                "load_balancer_arn": self.load_balancer_arn,
                "load_balancer_arn_suffix": self.load_balancer_arn_suffix,
                "dns_name": self.dns_name,
                "zone_id": self.zone_id,
                "security_group_id": self.security_group_id,
                "target_group_arn": self.target_group_arn,
                "target_group_arn_suffix": self.target_group_arn_suffix,
                "address": self.address,
            }
        )

    def _create_security_group(self, args: StreamLoadBalancerArgs) -> ec2.SecurityGroup:
        name, exposure = f"{self._name}-balancer", self._spec.exposure
        group = ec2.SecurityGroup(
            name,
            vpc_id=args["vpc_id"],
            description="The balancer before the gateways",
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        clients: Sequence[pulumi.Input[str]] = exposure.client_cidrs or [args["vpc_cidr_block"]]
        for index, cidr in enumerate(clients):
            vpc.SecurityGroupIngressRule(
                f"{name}-{index}",
                security_group_id=group.id,
                description="Clients",
                ip_protocol="tcp",
                from_port=exposure.port,
                to_port=exposure.port,
                cidr_ipv4=cidr,
                tags=named(f"{name}-{index}", self._spec.tags),
                opts=self._child,
            )
        let_in(
            f"{name}-to-gateways",
            server=args["target_security_group_id"],
            client=group.id,
            port=GATEWAY_PORT,
            description="From the balancer to the gateways",
            tags=self._spec.tags,
            opts=self._child,
        )
        return group

    def _create_balancer(self, args: StreamLoadBalancerArgs, group: ec2.SecurityGroup) -> lb.LoadBalancer:
        name, exposure = f"{self._name}-balancer", self._spec.exposure
        bucket, policy = create_connection_log_bucket(
            f"{self._name}-connections",
            self._spec.region,
            args["account_id"],
            self._spec.tags,
            self._child,
        )
        balancer = lb.LoadBalancer(
            name,
            name_prefix=self._prefix,
            load_balancer_type="application",
            internal=not exposure.public,
            subnets=args["subnet_ids"],
            security_groups=[group.id],
            idle_timeout=self._spec.idle_timeout_seconds,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_deletion_protection=self._spec.deletion_protection,
            connection_logs={"bucket": bucket.id, "enabled": True},
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy], protect=self._spec.deletion_protection),
        )
        web_acl_arn: pulumi.Input[str] | None = exposure.web_acl_arn
        if exposure.managed_web_acl:
            web_acl_arn = create_web_acl(f"{self._name}-rules", self._spec.tags, self._child).arn
        if web_acl_arn is not None:
            wafv2.WebAclAssociation(
                f"{self._name}-web-acl", resource_arn=balancer.arn, web_acl_arn=web_acl_arn, opts=self._child
            )
        return balancer

    def _create_target_group(self, args: StreamLoadBalancerArgs) -> lb.TargetGroup:
        name = f"{self._name}-gateways"
        return lb.TargetGroup(
            name,
            name_prefix=self._prefix,
            vpc_id=args["vpc_id"],
            target_type="ip",
            protocol="HTTP",
            port=GATEWAY_PORT,
            load_balancing_algorithm_type="least_outstanding_requests",
            deregistration_delay=self._spec.deregistration_delay_seconds,
            health_check={
                "path": HEALTH_PATH,
                "matcher": "200",
                # As often as the balancer may ask.
                "interval": 5,
                "timeout": 4,
                "healthy_threshold": 2,
                "unhealthy_threshold": 2,
            },
            tags=named(name, self._spec.tags),
            opts=self._child,
        )

    def _create_listener(self, balancer: lb.LoadBalancer) -> lb.Listener:
        """One port alone: a redirect from another would come after a client had sent its key in clear."""
        name, domain = f"{self._name}-certificate", self._spec.exposure.domain
        certificate_arn = None if domain is None else certificate_arn_of(name, domain, self._spec.tags, self._child)
        return lb.Listener(
            f"{self._name}-listener",
            load_balancer_arn=balancer.arn,
            port=self._spec.exposure.port,
            protocol="HTTP" if domain is None else "HTTPS",
            ssl_policy=None if domain is None else TLS_POLICY,
            certificate_arn=certificate_arn,
            default_actions=[{"type": "fixed-response", "fixed_response": _NOT_FOUND}],
            tags=named(f"{self._name}-listener", self._spec.tags),
            opts=self._child,
        )

    def _create_rule(self, listener: lb.Listener, targets: lb.TargetGroup) -> lb.ListenerRule:
        return lb.ListenerRule(
            f"{self._name}-api",
            listener_arn=listener.arn,
            priority=1,
            conditions=[{"path_pattern": {"values": API_PATHS}}],
            actions=[{"type": "forward", "target_group_arn": targets.arn}],
            tags=named(f"{self._name}-api", self._spec.tags),
            opts=self._child,
        )

    @property
    def _prefix(self) -> str:
        return f"{self._name[:_PREFIX_LENGTH].rstrip('-')}-"
