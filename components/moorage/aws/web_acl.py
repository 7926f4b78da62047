"""An access list of AWS WAF for prompts, which look like attacks."""

from collections.abc import Mapping
from typing import NamedTuple

import pulumi
from pulumi_aws import wafv2

from moorage.aws.tags import named

# docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html (read 2026-11-25)
_WINDOW_SECONDS = 300
REQUESTS_PER_WINDOW = 10_000
"""From one address, 33 a second: more than an engine answers, so that a proxy with many clients behind it is let
through, and a flood is not. What each tenant may, the gateway's own limits say."""


class _RuleGroup(NamedTuple):
    """One that AWS keeps."""

    name: str
    suffix: str
    counted: tuple[str, ...] = ()
    """Rules of it that only count: those on bodies, which are prompts. They contain scripts, paths, addresses and
    source code, and are larger than 8 KiB."""


# docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html and
# aws-managed-rule-groups-ip-rep.html (read 2026-11-25)
_RULE_GROUPS = (
    _RuleGroup("AWSManagedRulesAmazonIpReputationList", "reputation"),
    _RuleGroup(
        "AWSManagedRulesCommonRuleSet",
        "common",
        (
            *("SizeRestrictions_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY"),
            "CrossSiteScripting_BODY",
        ),
    ),
    _RuleGroup(
        "AWSManagedRulesKnownBadInputsRuleSet",
        "bad-inputs",
        ("JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"),
    ),
)


def create_web_acl(name: str, tags: Mapping[str, str], opts: pulumi.ResourceOptions) -> wafv2.WebAcl:
    """Blocks floods, addresses of bad repute, and what is wrong with a request but for its body."""
    groups = [_group_rule(name, priority, group) for priority, group in enumerate(_RULE_GROUPS, start=1)]
    return wafv2.WebAcl(
        name,
        scope="REGIONAL",
        description="Before the gateways",
        default_action={"allow": {}},
        rules=[_rate_rule(name), *groups],
        visibility_config=_visibility(name),
        tags=named(name, tags),
        opts=opts,
    )


def _rate_rule(name: str) -> wafv2.WebAclRuleArgsDict:
    return {
        "name": "rate",
        "priority": 0,
        "action": {"block": {"custom_response": {"response_code": 429}}},
        "statement": {
            "rate_based_statement": {
                "limit": REQUESTS_PER_WINDOW,
                "evaluation_window_sec": _WINDOW_SECONDS,
                "aggregate_key_type": "IP",
            }
        },
        "visibility_config": _visibility(f"{name}-rate"),
    }


def _group_rule(name: str, priority: int, group: _RuleGroup) -> wafv2.WebAclRuleArgsDict:
    return {
        "name": group.suffix,
        "priority": priority,
        "override_action": {"none": {}},
        "statement": {
            "managed_rule_group_statement": {
                "vendor_name": "AWS",
                "name": group.name,
                "rule_action_overrides": [{"name": rule, "action_to_use": {"count": {}}} for rule in group.counted],
            }
        },
        "visibility_config": _visibility(f"{name}-{group.suffix}"),
    }


def _visibility(metric_name: str) -> wafv2.WebAclRuleVisibilityConfigArgsDict:
    # A sampled request has its headers, and so the client's key.
    return {"cloudwatch_metrics_enabled": True, "metric_name": metric_name, "sampled_requests_enabled": False}
