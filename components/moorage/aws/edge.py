"""CloudFront before private gateways, of one region or of many."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudfront

from moorage.aws.account import account_of
from moorage.aws.domain_name import AliasTarget, certificate_arn_of, create_alias
from moorage.aws.domain_name_spec import CustomDomainArgs
from moorage.aws.edge_function import SigningSecrets, create_origin_function, create_viewer_function
from moorage.aws.edge_log import create_edge_log
from moorage.aws.edge_spec import (
    CACHED_ERRORS,
    DEFAULT_ROUTE,
    EDGE_REGION,
    ORIGIN_KEEP_ALIVE_SECONDS,
    EdgeSpec,
)
from moorage.aws.load_balancer_spec import HTTP, HTTPS
from moorage.aws.names import check_name
from moorage.aws.tags import named
from moorage.credentials.api_key import ApiKey
from moorage.edge.signed_key import signed_key
from moorage.spec.errors import Problem, SpecError
from moorage.spec.parsing import known_of, parse

# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html and
# using-managed-origin-request-policies.html (in github.com/awsdocs/amazon-cloudfront-developer-guide, read 2026-11-26)
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
TLS_POLICY = "TLSv1.2_2021"
_YEAR_SECONDS = 31_536_000
_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


class EdgeOriginArgs(TypedDict):
    """A balancer of a region."""

    domain_name: pulumi.Input[str]
    """For which the balancer has a certificate."""
    load_balancer_arn: NotRequired[pulumi.Input[str]]
    """Of an Application Load Balancer in private subnets, whose security group lets CloudFront in. Default: it is
    reached by its domain over the internet."""


class EdgeDistributionArgs(TypedDict):
    """Which gateways, and who reaches which."""

    account_id: pulumi.Input[str]
    """Of the account that the stack is in."""
    origins: Mapping[str, EdgeOriginArgs]
    """By a name of yours."""
    routes: NotRequired[Mapping[str, Mapping[str, int]]]
    """Which share of keys goes to which origin: weights by the region nearest to the client, such as `eu-central-1`,
    and by `default` for all others. Nearest is that of CloudFront's regional edge cache, which not every region has.
    Default: all origins alike."""
    api_key: NotRequired[pulumi.Input[str]]
    """The gateway's, to be signed. Default: none."""
    signing_secret_version: NotRequired[int]
    """Counted up, keys are signed with a new secret, and those of the one before are let in until the next time.
    Default: 1."""
    classifier_file: NotRequired[str]
    """As `moorage edge train` writes it: what it knows is answered at the edge. AWS runs it before origins of the
    internet alone. Default: all goes to the origins."""
    origin_read_timeout_seconds: NotRequired[int]
    """How long CloudFront waits for the first byte, and for each after it. Default: 120, which is the most."""
    custom_domain: NotRequired[CustomDomainArgs]
    """With a certificate in us-east-1, given or requested there; `hosted_zone_id` is of a public zone, for AWS has no
    alias for a distribution in a private one. Default: CloudFront's own name, where AWS allows TLS 1.0 too."""
    web_acl_arn: NotRequired[str]
    """Of AWS WAF, for CloudFront. Default: none."""
    enabled: NotRequired[bool]
    """Whether it answers. Default: yes."""
    log_retention_days: NotRequired[int]
    """Of the access log. Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EdgeDistribution(pulumi.ComponentResource):
    """A distribution before balancers, private or of the internet, that lets in whoever has a signed key.

    Nothing is cached: CloudFront never caches answers to POST, and caching is off for what else there is, errors too.
    Streams go through piece by piece, without a limit on the whole, as long as no two pieces are further apart than the
    timeout.
    """

    endpoint_url: pulumi.Output[str]
    """What an OpenAI client takes as `base_url`, ending in `/v1`."""
    signed_api_key: pulumi.Output[str]
    """The signed key, a secret; empty without `api_key`."""
    signing_secret: pulumi.Output[str]
    """What `moorage.edge.signed_key` signs further keys with, a secret."""
    domain_name: pulumi.Output[str]
    """CloudFront's own: where the record of a custom domain points to, which is yours to make without a hosted zone."""
    access_log_group_name: pulumi.Output[str]
    """In us-east-1."""

    def __init__(self, name: str, args: EdgeDistributionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that cannot be served."""
        super().__init__("moorage:index:EdgeDistribution", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, _parsed(args)
        self._child = pulumi.ResourceOptions(parent=self)
        secrets = self._create_secrets()
        distribution = self._create_distribution(args, secrets)
        account = account_of(EDGE_REGION, args["account_id"])
        log_group = create_edge_log(name, distribution, account, self._spec, self._child)
        custom = self._spec.custom_domain
        host = distribution.domain_name if custom is None else custom.domain_name
        if custom is not None:
            target = AliasTarget(distribution.domain_name, distribution.hosted_zone_id, has_ipv6=True)
            create_alias(f"{name}-alias", custom, target, self._child)
        self.endpoint_url = pulumi.Output.concat("https://", host, "/v1")
        self.signed_api_key = pulumi.Output.secret(
            pulumi.Output.all(args.get("api_key", ""), secrets.current).apply(
                lambda known: signed_key(known[0], known[1]) if known[0] else ""
            )
        )
        self.signing_secret = secrets.current
        self.domain_name = distribution.domain_name
        self.access_log_group_name = log_group.name
        self.register_outputs(
            {
                "endpoint_url": self.endpoint_url,
                "signed_api_key": self.signed_api_key,
                "signing_secret": self.signing_secret,
                "domain_name": self.domain_name,
                "access_log_group_name": self.access_log_group_name,
            }
        )

    def _create_secrets(self) -> SigningSecrets:
        current = self._spec.signing_secret_version
        kept = [version for version in (current, current - 1) if version > 0]
        suffixes = ["" if version == 1 else f"-{version}" for version in kept]
        return SigningSecrets(*(ApiKey(f"{self._name}-signing-secret{suffix}", self._child).key for suffix in suffixes))

    def _create_distribution(self, args: EdgeDistributionArgs, secrets: SigningSecrets) -> cloudfront.Distribution:
        name, spec = f"{self._name}-distribution", self._spec
        viewer = create_viewer_function(self._name, spec, secrets, self._child)
        return cloudfront.Distribution(
            name,
            comment=f"Moorage {self._name}",
            enabled=spec.enabled,
            http_version="http2and3",
            is_ipv6_enabled=True,
            origins=[self._origin(origin, args["origins"][origin]) for origin in sorted(args["origins"])],
            default_cache_behavior={
                "target_origin_id": next(iter(spec.routes[DEFAULT_ROUTE])),
                "viewer_protocol_policy": "https-only",
                "allowed_methods": _METHODS,
                "cached_methods": ["GET", "HEAD"],
                "cache_policy_id": CACHING_DISABLED,
                "origin_request_policy_id": ALL_VIEWER_EXCEPT_HOST_HEADER,
                "response_headers_policy_id": self._create_response_headers().id,
                # A stream that is compressed is held back until there is enough of it.
                "compress": False,
                "function_associations": [{"event_type": "viewer-request", "function_arn": viewer.arn}],
                "lambda_function_associations": self._origin_functions(),
            },
            # One client's error is none of another's, who asks for the same path with another key.
            custom_error_responses=[{"error_code": code, "error_caching_min_ttl": 0} for code in CACHED_ERRORS],
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            aliases=[] if spec.custom_domain is None else [spec.custom_domain.domain_name],
            viewer_certificate=self._certificate(),
            web_acl_id=spec.web_acl_arn,
            tags=named(name, spec.tags),
            opts=self._child,
        )

    def _origin(self, origin: str, args: EdgeOriginArgs) -> cloudfront.DistributionOriginArgsDict:
        if "load_balancer_arn" not in args:
            return {"origin_id": origin, "domain_name": args["domain_name"], "custom_origin_config": self._internet}
        name = f"{self._name}-vpc-{origin}"
        balancer_arn = pulumi.Output.from_input(args["load_balancer_arn"])
        vpc_origin = cloudfront.VpcOrigin(
            name,
            vpc_origin_endpoint_config={
                # By the balancer's id: another stack of the account has an origin of the same name.
                "name": balancer_arn.apply(lambda arn: f"{self._name}-{arn.rpartition('/')[2]}"),
                "arn": balancer_arn,
                "http_port": HTTP,
                "https_port": HTTPS,
                "origin_protocol_policy": "https-only",
                "origin_ssl_protocols": {"items": ["TLSv1.2"], "quantity": 1},
            },
            tags=named(name, self._spec.tags),
            # Where it is in use, AWS refuses to change it, but for its tags (botocore 1.43.117, cloudfront:
            # CannotUpdateEntityWhileInUse): there is another one before the distribution lets go of it.
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["vpcOriginEndpointConfig"]),
        )
        return {
            "origin_id": origin,
            "domain_name": args["domain_name"],
            "vpc_origin_config": {
                "vpc_origin_id": vpc_origin.id,
                "origin_read_timeout": self._spec.origin_read_timeout_seconds,
                "origin_keepalive_timeout": ORIGIN_KEEP_ALIVE_SECONDS,
            },
        }

    @property
    def _internet(self) -> cloudfront.DistributionOriginCustomOriginConfigArgsDict:
        return {
            "http_port": HTTP,
            "https_port": HTTPS,
            "origin_protocol_policy": "https-only",
            "origin_ssl_protocols": ["TLSv1.2"],
            "origin_read_timeout": self._spec.origin_read_timeout_seconds,
            "origin_keepalive_timeout": ORIGIN_KEEP_ALIVE_SECONDS,
        }

    def _origin_functions(self) -> list[cloudfront.DistributionDefaultCacheBehaviorLambdaFunctionAssociationArgsDict]:
        if self._spec.classifier_file is None:
            return []
        function = create_origin_function(self._name, self._spec, self._spec.classifier_file, self._child)
        return [{"event_type": "origin-request", "lambda_arn": function.qualified_arn, "include_body": True}]

    def _create_response_headers(self) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            f"{self._name}-headers",
            comment=f"Moorage {self._name}",
            security_headers_config={
                "strict_transport_security": {"access_control_max_age_sec": _YEAR_SECONDS, "override": True},
                "content_type_options": {"override": True},
                "frame_options": {"frame_option": "DENY", "override": True},
                "referrer_policy": {"referrer_policy": "no-referrer", "override": True},
            },
            opts=self._child,
        )

    def _certificate(self) -> cloudfront.DistributionViewerCertificateArgsDict:
        custom = self._spec.custom_domain
        if custom is None:
            return {"cloudfront_default_certificate": True}
        return {
            "acm_certificate_arn": certificate_arn_of(
                f"{self._name}-certificate", custom, self._spec.tags, self._child, EDGE_REGION
            ),
            "minimum_protocol_version": TLS_POLICY,
            "ssl_support_method": "sni-only",
        }


def _parsed(args: EdgeDistributionArgs) -> EdgeSpec:
    origins = args["origins"]
    routes = args.get("routes", {DEFAULT_ROUTE: dict.fromkeys(origins, 1)})
    spec = parse(EdgeSpec, known_of(EdgeSpec, {**args, "routes": routes}), "")
    unknown = sorted(spec.origins - origins.keys())
    problems: list[Problem] = []
    if unknown:
        allowed = ", ".join(sorted(origins))
        problems.append(Problem("routes", f" name {', '.join(unknown)}: must be out of origins, which has {allowed}"))
    private = sorted(origin for origin, given in origins.items() if "load_balancer_arn" in given)
    # docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (a copy of it, read
    # 2026-11-25): "VPC origins do not support [...] Origin request and origin response triggers with Lambda@Edge".
    if spec.classifier_file is not None and private:
        message = (
            f" = {spec.classifier_file}: AWS runs no function before origins inside of a network; must be left out, or "
            f"load_balancer_arn of {', '.join(private)}, which are then reached over the internet"
        )
        problems.append(Problem("classifier_file", message))
    if problems:
        raise SpecError(problems)
    return spec
