"""Where AWS takes one of a list of words, ours is one of them; the lists are those of botocore's service models."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest

from moorage.aws.log_retention import RETENTION_DAYS

from .aws_programs import VARIANTS, program
from .recording import run_program

WORDS = [
    ("aws:appautoscaling/policy:Policy", "policyType", "application-autoscaling", "PolicyType"),
    ("aws:appautoscaling/target:Target", "scalableDimension", "application-autoscaling", "ScalableDimension"),
    ("aws:appautoscaling/target:Target", "serviceNamespace", "application-autoscaling", "ServiceNamespace"),
    ("aws:ecs/cluster:Cluster", "settings.name", "ecs", "ClusterSettingName"),
    ("aws:ecs/service:Service", "availabilityZoneRebalancing", "ecs", "AvailabilityZoneRebalancing"),
    ("aws:ecs/service:Service", "launchType", "ecs", "LaunchType"),
    ("aws:ecs/service:Service", "propagateTags", "ecs", "PropagateTags"),
    ("aws:ecs/taskDefinition:TaskDefinition", "networkMode", "ecs", "NetworkMode"),
    ("aws:ecs/taskDefinition:TaskDefinition", "requiresCompatibilities", "ecs", "Compatibility"),
    ("aws:ecs/taskDefinition:TaskDefinition", "runtimePlatform.cpuArchitecture", "ecs", "CPUArchitecture"),
    ("aws:ecs/taskDefinition:TaskDefinition", "runtimePlatform.operatingSystemFamily", "ecs", "OSFamily"),
    ("aws:budgets/budget:Budget", "budgetType", "budgets", "BudgetType"),
    ("aws:budgets/budget:Budget", "timeUnit", "budgets", "TimeUnit"),
    ("aws:budgets/budget:Budget", "notifications.notificationType", "budgets", "NotificationType"),
    ("aws:budgets/budget:Budget", "notifications.comparisonOperator", "budgets", "ComparisonOperator"),
    ("aws:budgets/budget:Budget", "notifications.thresholdType", "budgets", "ThresholdType"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "comparisonOperator", "cloudwatch", "ComparisonOperator"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpTokens", "ec2", "LaunchTemplateHttpTokensState"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "instanceMarketOptions.marketType", "ec2", "MarketType"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "blockDeviceMappings.ebs.volumeType", "ec2", "VolumeType"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "tagSpecifications.resourceType", "ec2", "ResourceType"),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcEndpointType", "ec2", "VpcEndpointType"),
    ("aws:ec2/flowLog:FlowLog", "trafficType", "ec2", "TrafficType"),
    ("aws:ec2/flowLog:FlowLog", "logDestinationType", "ec2", "LogDestinationType"),
    ("aws:ecr/repository:Repository", "imageTagMutability", "ecr", "ImageTagMutability"),
    ("aws:ecr/repository:Repository", "encryptionConfigurations.encryptionType", "ecr", "EncryptionType"),
    ("aws:eks/cluster:Cluster", "accessConfig.authenticationMode", "eks", "AuthenticationMode"),
    ("aws:eks/cluster:Cluster", "enabledClusterLogTypes", "eks", "LogType"),
    ("aws:eks/cluster:Cluster", "upgradePolicy.supportType", "eks", "SupportType"),
    ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "accessScope.type", "eks", "AccessScopeType"),
    ("aws:eks/nodeGroup:NodeGroup", "amiType", "eks", "AMITypes"),
    ("aws:eks/nodeGroup:NodeGroup", "capacityType", "eks", "CapacityTypes"),
    ("aws:eks/nodeGroup:NodeGroup", "taints.effect", "eks", "TaintEffect"),
    ("aws:eks/nodeGroup:NodeGroup", "updateConfig.updateStrategy", "eks", "NodegroupUpdateStrategies"),
    ("aws:lb/listener:Listener", "defaultActions.type", "elbv2", "ActionTypeEnum"),
    ("aws:lb/listener:Listener", "protocol", "elbv2", "ProtocolEnum"),
    ("aws:lb/listenerRule:ListenerRule", "actions.type", "elbv2", "ActionTypeEnum"),
    ("aws:lb/loadBalancer:LoadBalancer", "loadBalancerType", "elbv2", "LoadBalancerTypeEnum"),
    ("aws:lb/targetGroup:TargetGroup", "protocol", "elbv2", "ProtocolEnum"),
    ("aws:lb/targetGroup:TargetGroup", "targetType", "elbv2", "TargetTypeEnum"),
    ("aws:s3/bucketOwnershipControls:BucketOwnershipControls", "rule.objectOwnership", "s3", "ObjectOwnership"),
    (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "rules.applyServerSideEncryptionByDefault.sseAlgorithm",
        "s3",
        "ServerSideEncryption",
    ),
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.status", "s3", "BucketVersioningStatus"),
    (
        "aws:wafv2/webAcl:WebAcl",
        "rules.statement.rateBasedStatement.aggregateKeyType",
        "wafv2",
        "RateBasedStatementAggregateKeyType",
    ),
    ("aws:wafv2/webAcl:WebAcl", "scope", "wafv2", "Scope"),
]
"""The type of resource, the property, the service and the shape of its model."""


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@cache
def registrations() -> list[Any]:
    return [found for variant in VARIANTS.values() for found in run_program(program(variant))[1].registrations]


def values(value: Any, path: str) -> Iterator[str]:
    """What is there, in every element of a list."""
    if isinstance(value, list):
        for part in value:
            yield from values(part, path)
    elif not path:
        yield value
    elif value is not None:
        key, _, rest = path.partition(".")
        yield from values(value.get(key, []), rest)


@pytest.mark.parametrize(
    ("kind", "path", "service", "shape"), WORDS, ids=[f"{kind}-{path}" for kind, path, *_ in WORDS]
)
def test_it_is_a_word_that_aws_knows(kind: str, path: str, service: str, shape: str):
    ours = {word for found in registrations() if found.type == kind for word in values(found.inputs, path)}
    assert ours
    assert ours <= set(model(service).shape_for(shape).enum)


def test_logs_are_kept_for_days_that_cloudwatch_knows():
    described = model("logs").operation_model("PutRetentionPolicy").input_shape.members["retentionInDays"].documentation
    assert (
        f"Possible values are: {', '.join(str(days) for days in RETENTION_DAYS[:-1])}, and {RETENTION_DAYS[-1]}."
        in described
    )
