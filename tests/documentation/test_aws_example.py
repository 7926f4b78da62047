"""The program of docs/aws.md makes what that page says, no more and no less."""

from collections import Counter

from tests.contract.recording import Recording, run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws.md")

EXPECTED = {
    "moorage:index:AwsNetwork": 1,
    "aws:ec2/vpc:Vpc": 1,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": 1,
    "aws:ec2/subnet:Subnet": 4,
    "aws:ec2/internetGateway:InternetGateway": 1,
    "aws:ec2/eip:Eip": 1,
    "aws:ec2/natGateway:NatGateway": 1,
    "aws:ec2/routeTable:RouteTable": 4,
    "aws:ec2/route:Route": 4,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": 4,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 2,
    "aws:ec2/flowLog:FlowLog": 1,
    "moorage:index:EksCluster": 1,
    "aws:eks/cluster:Cluster": 1,
    "aws:cloudwatch/logGroup:LogGroup": 2,
    "aws:iam/role:Role": 4,
    "aws:iam/rolePolicy:RolePolicy": 3,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 7,
    "aws:kms/key:Key": 3,
    "pulumi:providers:kubernetes": 1,
    "moorage:index:EksNetworkPolicyController": 1,
    "kubernetes:core/v1:ConfigMap": 1,
    "moorage:index:EksGpuPool": 1,
    "kubernetes:eks.amazonaws.com/v1:NodeClass": 1,
    "kubernetes:karpenter.sh/v1:NodePool": 3,
    "moorage:index:S3ModelStore": 1,
    "aws:s3/bucket:Bucket": 1,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
    "aws:s3/bucketPolicy:BucketPolicy": 1,
    "aws:s3/bucketVersioning:BucketVersioning": 1,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
    "moorage:index:EksWorkloadIdentity": 1,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": 1,
    "pulumi-python:dynamic/moorage:Propagation": 1,
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_it_makes_these_resources():
    assert Counter(found.type for found in made().registrations) == EXPECTED


def test_the_ladder_is_the_one_that_is_written():
    pools = {pool.inputs["metadata"]["name"]: pool.inputs["spec"]["weight"] for pool in made().of_type("NodePool")}
    assert sorted(pools, key=lambda name: -pools[name]) == [
        "harbour-gpu-g6e-xlarge-on-demand",
        "harbour-gpu-g6e-2xlarge-on-demand",
        "harbour-gpu-g6e-xlarge-spot",
    ]


def test_the_engine_may_read_the_models_and_nothing_else():
    (policy,) = [
        found.inputs["policy"] for found in made().of_type("RolePolicy") if found.name.startswith("harbour-engine")
    ]
    assert "arn:aws:s3:::harbour-models-bucket-1a2b3c4/*" in policy
    assert "Put" not in policy


def test_the_cluster_is_private_and_what_cannot_be_had_back_is_guarded():
    recording = made()
    cluster = recording.the("Cluster").inputs
    assert cluster["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster["deletionProtection"] is True
    protected = {found.name for found in recording.registrations if found.protect}
    assert protected == {found.name for kind in ("Bucket", "Key") for found in recording.of_type(kind)} - {
        found.name for found in recording.of_type("Key") if "flow" in found.name
    }
