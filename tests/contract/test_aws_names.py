"""Every name on AWS is within its service's limit, for the longest name that a component may have."""

import botocore.session
import pytest

from moorage.aws.cluster import EksCluster
from moorage.aws.names import MAX_NAME_LENGTH
from moorage.spec import SpecError

from .aws_programs import VARIANTS, Variant, every_variant, program
from .examples import component
from .recording import run_program

LONGEST = "h" * MAX_NAME_LENGTH
PULUMIS_SUFFIX = len("-1a2b3c4")


def limit_of(service: str, shape: str) -> int:
    """As botocore's model of the service has it."""
    return botocore.session.get_session().get_service_model(service).shape_for(shape).metadata["max"]


LIMITS = {
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": ("name", limit_of("logs", "DeliverySourceName")),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": (
        "name",
        limit_of("logs", "DeliveryDestinationName"),
    ),
    "aws:cloudfront/function:Function": ("name", limit_of("cloudfront", "FunctionName")),
    "aws:cloudfront/keyValueStore:KeyValueStore": ("name", limit_of("cloudfront", "KeyValueStoreName")),
    "aws:cloudwatch/logGroup:LogGroup": ("name", limit_of("logs", "LogGroupName")),
    "aws:budgets/budget:Budget": ("name", limit_of("budgets", "BudgetName")),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name", limit_of("cloudwatch", "AlarmName")),
    # As botocore's model describes PutDashboard's DashboardName and CreateTopic's Name.
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName", 255),
    "aws:sns/topic:Topic": ("name", 256),
    "aws:wafv2/webAcl:WebAcl": ("name", limit_of("wafv2", "EntityName")),
    "aws:ec2/launchTemplate:LaunchTemplate": ("name", limit_of("ec2", "LaunchTemplateName")),
    "aws:ecr/repository:Repository": ("name", limit_of("ecr", "RepositoryName")),
    "aws:eks/cluster:Cluster": ("name", limit_of("eks", "ClusterName")),
    # docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html (read 2026-11-25)
    "aws:elasticache/replicationGroup:ReplicationGroup": ("replicationGroupId", 40),
    # As that of a user group in github.com/open-constructs/aws-cdk-library, src/aws-elasticache (read 2026-11-26).
    "aws:elasticache/serverlessCache:ServerlessCache": ("name", 40),
    "aws:iam/role:Role": ("name", limit_of("iam", "roleNameType")),
    "aws:iam/rolePolicy:RolePolicy": ("name", limit_of("iam", "policyNameType")),
    # docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (read 2026-11-25)
    "aws:lambda/function:Function": ("name", 64),
    "aws:autoscaling/group:Group": ("name", limit_of("autoscaling", "XmlStringMaxLen255")),
    "aws:iam/instanceProfile:InstanceProfile": ("name", limit_of("iam", "instanceProfileNameType")),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (
        "name",
        limit_of("servicediscovery", "NamespaceNamePrivate"),
    ),
    # As botocore's model describes CreateCapacityProvider's name, CreateService's serviceName and
    # RegisterTaskDefinition's family.
    "aws:ecs/capacityProvider:CapacityProvider": ("name", 255),
    "aws:ecs/service:Service": ("name", 255),
    "aws:ecs/taskDefinition:TaskDefinition": ("family", 255),
    # The function that it makes is named as it is.
    "aws:cloudformation/stack:Stack": ("name", 64),
    "aws:scheduler/schedule:Schedule": ("name", limit_of("scheduler", "Name")),
    # docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html, docs.aws.amazon.com/AWSEC2/latest/
    # APIReference/API_CreateSecurityGroup.html, docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    # (read 2026-11-25)
    "aws:eks/nodeGroup:NodeGroup": ("nodeGroupName", 63),
    "aws:ec2/securityGroup:SecurityGroup": ("name", 255),
    "aws:s3/bucket:Bucket": ("bucket", 63),
}
"""By type: the property that holds the name, which Pulumi makes of the resource's where it is not given."""


@every_variant
def test_no_name_is_too_long(variant: Variant):
    _, recording = run_program(program(variant, LONGEST))
    for registration in recording.registrations:
        if registration.type in LIMITS:
            key, limit = LIMITS[registration.type]
            name = registration.inputs.get(key)
            length = len(name) if name else len(registration.name) + PULUMIS_SUFFIX
            assert length <= limit, registration.name


def test_every_limited_type_has_been_seen():
    seen = {found.type for variant in VARIANTS.values() for found in run_program(program(variant))[1].registrations}
    assert set(LIMITS) <= seen


@every_variant
@pytest.mark.parametrize(
    "name", ["h" * (MAX_NAME_LENGTH + 1), "Harbour", "harbour_1", "1-harbour", "harbour-", "harbour--1"]
)
def test_a_name_that_some_service_would_refuse_is_refused(variant: Variant, name: str):
    with pytest.raises(SpecError, match="name = "):
        run_program(program(variant, name))


def test_a_cluster_is_named_as_the_component_is():
    _, recording = run_program(program(VARIANTS["cluster"]))
    assert recording.the("Cluster").inputs["name"] == "harbour"
    (group,) = recording.of_type("LogGroup")
    assert group.inputs["name"] == "/aws/eks/harbour/cluster"


def test_a_cluster_may_be_named_otherwise_than_the_component():
    _, recording = run_program(program(VARIANTS["cluster reached from outside"]))
    assert recording.the("Cluster").inputs["name"] == "harbour-production"
    (group,) = recording.of_type("LogGroup")
    assert group.inputs["name"] == "/aws/eks/harbour-production/cluster"


def test_a_clusters_name_that_eks_does_not_take_is_refused():
    with pytest.raises(SpecError, match=r'cluster_name = "harbour\.production": must be 1 to 100 letters'):
        run_program(component(EksCluster, "harbour", cluster_name="harbour.production"))
