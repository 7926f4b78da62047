"""What is closed, encrypted and guarded on AWS without anybody asking for it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from moorage.aws.cluster import EksCluster
from moorage.aws.cluster_roles import AUTO_MODE_CLUSTER_POLICIES, AUTO_MODE_NODE_POLICIES
from moorage.aws.launch_template import user_data
from moorage.aws.network_policy_controller import EksNetworkPolicyController
from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID
from .aws_programs import VARIANTS, Variant, every_variant, program
from .examples import component
from .recording import Recording, Registration, Secret, run_program, value_of

EVERYWHERE = ("0.0.0.0/0", "::/0")


def recorded(variant: str, **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def texts(value: object) -> list[str]:
    """Every text in it."""
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def control_plane(recording: Recording) -> dict[str, Any]:
    return recording.the("Cluster").inputs


def test_a_cluster_has_no_public_endpoint():
    network = control_plane(recorded("cluster"))["vpcConfig"]
    assert network["endpointPrivateAccess"] is True
    assert network["endpointPublicAccess"] is False
    assert network.get("publicAccessCidrs") is None


def test_a_cluster_is_reached_from_the_networks_that_are_named():
    network = control_plane(recorded("cluster reached from outside"))["vpcConfig"]
    assert network["endpointPublicAccess"] is True
    assert network["publicAccessCidrs"] == ["203.0.113.0/24"]


@pytest.mark.parametrize(
    ("cidr", "message"),
    [
        ("0.0.0.0/0", "is everybody; must be the networks from which the cluster is operated"),
        ("::/0", "must be an IPv4 network"),
        ("203.0.113.7/24", "must be an IPv4 network"),
        ("office", "must be an IPv4 network"),
    ],
)
def test_a_cluster_that_everybody_reaches_is_refused(cidr: str, message: str):
    with pytest.raises(SpecError, match=message):
        run_program(component(EksCluster, "harbour", public_access_cidrs=["203.0.113.0/24", cidr]))


@every_variant
def test_nothing_lets_anybody_in(variant: Variant):
    """A route and a firewall's way out may name all the world; a way in may not."""
    _, recording = run_program(program(variant))
    for registration in recording.registrations:
        inputs = registration.inputs
        if registration.type.endswith(":Route"):
            assert set(inputs) & {"gatewayId", "natGatewayId"}
        elif registration.type.endswith(":SecurityGroupEgressRule"):
            assert inputs["fromPort"] == inputs["toPort"]
        else:
            assert not {text for text in texts(inputs) if text in EVERYWHERE}, registration.name


def test_no_subnet_gives_public_addresses():
    subnets = recorded("network").of_type("Subnet")
    assert {subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets} == {False}


def test_the_group_of_what_is_in_no_group_lets_nothing_through():
    inputs = recorded("network").the("DefaultSecurityGroup").inputs
    assert not set(inputs) & {"ingress", "egress"}


def test_a_private_subnet_gets_out_through_its_own_zones_gateway():
    recording = recorded("network")
    routes = {route.name: route.inputs for route in recording.of_type("Route")}
    for letter in "abc":
        assert routes[f"harbour-private-{letter}-way-out"]["natGatewayId"] == f"harbour-nat-{letter}-id"
        assert routes[f"harbour-public-{letter}-way-out"]["gatewayId"] == "harbour-internet-gateway-id"


def test_one_nat_gateway_serves_all_zones_where_two_cost_too_much():
    recording = recorded("cheap network")
    assert len(recording.of_type("NatGateway")) == 1
    assert {route.inputs["natGatewayId"] for route in recording.of_type("Route") if "private" in route.name} == {
        "harbour-nat-a-id"
    }


@pytest.mark.parametrize("variant", ["network", "cheap network"])
def test_what_is_reached_free_of_charge_is_not_reached_through_the_nat_gateway(variant: str):
    recording = recorded(variant)
    free = [made for made in recording.of_type("VpcEndpoint") if made.inputs["vpcEndpointType"] == "Gateway"]
    assert {made.inputs["serviceName"].rpartition(".")[2] for made in free} == {"s3", "dynamodb"}
    private = {made.inputs["routeTableId"] for made in recording.of_type("Route") if "private" in made.name}
    assert all(set(made.inputs["routeTableIds"]) == private for made in free)


def test_identities_come_from_the_api_and_all_logs_are_kept():
    inputs = control_plane(recorded("cluster"))
    assert inputs["accessConfig"]["authenticationMode"] == "API"
    assert set(inputs["enabledClusterLogTypes"]) == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    assert inputs["encryptionConfig"] == {"provider": {"keyArn": key_arn("harbour-key")}, "resources": ["secrets"]}


def test_an_administrator_has_an_entry_and_the_policy():
    recording = recorded("cluster")
    entry, association = recording.the("AccessEntry").inputs, recording.the("AccessPolicyAssociation").inputs
    assert entry["principalArn"] == association["principalArn"] == f"arn:aws:iam::{ACCOUNT_ID}:role/operators"
    assert association["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@pytest.mark.parametrize(
    "principal", ["root", "arn:aws:iam::123456789012:root", "arn:aws:iam::*:role/a", "arn:aws:s3:::role/a"]
)
def test_an_administrator_who_is_neither_a_role_nor_a_user_is_refused(principal: str):
    with pytest.raises(SpecError, match="must be the ARN of an IAM role or user"):
        run_program(component(EksCluster, "harbour", administrators={"operators": principal}))


def test_auto_mode_is_whole_or_not_at_all():
    """EKS refuses a cluster that has one of the three without the others."""
    for variant, expected in (("cluster", True), ("cluster without Auto Mode", False)):
        inputs = control_plane(recorded(variant))
        assert inputs["computeConfig"]["enabled"] is expected
        assert inputs["kubernetesNetworkConfig"]["elasticLoadBalancing"]["enabled"] is expected
        assert inputs["storageConfig"]["blockStorage"]["enabled"] is expected
        assert inputs["bootstrapSelfManagedAddons"] is False


def test_pod_identity_is_there_in_either_case():
    assert "Addon" not in {found.type.rpartition(":")[2] for found in recorded("cluster").registrations}
    addons = {addon.inputs["addonName"] for addon in recorded("cluster without Auto Mode").of_type("Addon")}
    assert addons == {"eks-pod-identity-agent", "kube-proxy", "vpc-cni", "coredns"}


def test_network_policies_are_enforced_with_auto_mode_or_without():
    _, controller = run_program(component(EksNetworkPolicyController, "harbour"))
    config = controller.the("ConfigMap")
    metadata = config.inputs["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("kube-system", "amazon-vpc-cni")
    assert config.inputs["data"] == {"enable-network-policy-controller": "true"}
    (addon,) = [
        found
        for found in recorded("cluster without Auto Mode").of_type("Addon")
        if found.inputs["addonName"] == "vpc-cni"
    ]
    assert json.loads(addon.inputs["configurationValues"]) == {"enableNetworkPolicy": "true"}


def test_pods_ask_the_tenth_of_the_services_for_names():
    cluster, _ = run_program(program(VARIANTS["cluster"]))
    assert value_of(cluster.dns_address) == "172.30.0.10"


def test_roles_have_the_policies_that_aws_keeps_for_them():
    attached = {found.inputs["policyArn"] for found in recorded("cluster").of_type("RolePolicyAttachment")}
    expected = {*AUTO_MODE_CLUSTER_POLICIES, *AUTO_MODE_NODE_POLICIES}
    assert attached == {f"arn:aws:iam::aws:policy/{policy}" for policy in expected}


def test_nodes_have_no_right_of_the_cni_which_has_a_role_of_its_own():
    recording = recorded("cluster without Auto Mode")
    (attachment,) = [found for found in recording.of_type("RolePolicyAttachment") if "CNI" in found.inputs["policyArn"]]
    (addon,) = [found for found in recording.of_type("Addon") if found.inputs["addonName"] == "vpc-cni"]
    assert attachment.inputs["role"] == "harbour-cni-role-1a2b3c4"
    assert addon.inputs["podIdentityAssociations"] == [
        {"roleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/harbour-cni-role-1a2b3c4", "serviceAccount": "aws-node"}
    ]


def test_a_kubeconfig_is_a_secret_without_a_token():
    cluster, _ = run_program(program(VARIANTS["cluster"]))
    kubeconfig = value_of(cluster.kubeconfig)
    assert isinstance(kubeconfig, Secret)
    document = json.loads(str(kubeconfig.value))
    (user,) = document["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["command"] == "aws"
    assert user["user"]["exec"]["args"][:6] == [
        "--region",
        "eu-central-1",
        "eks",
        "get-token",
        "--cluster-name",
        "harbour",
    ]
    (cluster_entry,) = document["clusters"]
    assert cluster_entry["cluster"]["server"].startswith("https://")


@every_variant
def test_a_node_keeps_its_role_from_its_pods(variant: Variant):
    _, recording = run_program(program(variant))
    for template in recording.of_type("LaunchTemplate"):
        options = template.inputs["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)
    for node_class in recording.of_type("EC2NodeClass"):
        options = node_class.inputs["spec"]["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


@pytest.mark.parametrize("variant", ["pool of Auto Mode", "pool of Karpenter"])
def test_gpu_nodes_are_in_the_private_subnets_with_the_clusters_role_and_firewall(variant: str):
    recording = recorded(variant)
    (node_class,) = [*recording.of_type("NodeClass"), *recording.of_type("EC2NodeClass")]
    spec = node_class.inputs["spec"]
    assert spec["role"] == "harbour-node-role"
    assert spec["subnetSelectorTerms"] == [{"id": "subnet-a"}, {"id": "subnet-b"}]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-0123456789abcdef0"}]


ENCRYPTED = {
    "aws:cloudwatch/logGroup:LogGroup": lambda inputs: inputs["kmsKeyId"],
    "aws:ec2/launchTemplate:LaunchTemplate": lambda inputs: _disk(inputs["blockDeviceMappings"])["kmsKeyId"],
    "aws:ecr/repository:Repository": lambda inputs: inputs["encryptionConfigurations"][0]["kmsKey"],
    "aws:eks/cluster:Cluster": lambda inputs: inputs["encryptionConfig"]["provider"]["keyArn"],
    "aws:elasticache/replicationGroup:ReplicationGroup": lambda inputs: inputs["kmsKeyId"],
    "aws:elasticache/serverlessCache:ServerlessCache": lambda inputs: inputs["kmsKeyId"],
    "aws:lambda/function:Function": lambda inputs: inputs["kmsKeyArn"],
    "kubernetes:eks.amazonaws.com/v1:NodeClass": lambda inputs: inputs["spec"]["ephemeralStorage"]["kmsKeyID"],
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass": lambda inputs: _disk(inputs["spec"]["blockDeviceMappings"])[
        "kmsKeyID"
    ],
}
"""The key of everything that stores something; a bucket has a resource of its own for it."""


def _disk(mappings: list[dict[str, Any]]) -> dict[str, Any]:
    (mapping,) = mappings
    assert str(mapping["ebs"]["encrypted"]).lower() == "true"
    return mapping["ebs"]


def key_arn(name: str) -> str:
    return f"arn:aws:kms:eu-central-1:{ACCOUNT_ID}:key/{name}"


@every_variant
def test_everything_that_is_stored_is_encrypted_with_a_key_of_ours(variant: Variant):
    _, recording = run_program(program(variant))
    for registration in recording.registrations:
        key_of = ENCRYPTED.get(registration.type)
        if key_of is not None and not stores_nothing(registration):
            assert key_of(registration.inputs).startswith("arn:aws:kms:"), registration.name


def test_a_function_without_an_environment_has_no_key():
    """Lambda does not keep one (pulumi-aws 7.51.1, lambda.Function, kms_key_arn): each update would set it again."""
    found = [made for variant in VARIANTS for made in recorded(variant).registrations if stores_nothing(made)]
    assert found
    assert not any("kmsKeyArn" in made.inputs for made in found)


def stores_nothing(registration: Registration) -> bool:
    return registration.type == "aws:lambda/function:Function" and "environment" not in registration.inputs


def test_each_kind_of_store_has_been_seen():
    seen = {found.type for variant in VARIANTS for found in recorded(variant).registrations}
    assert set(ENCRYPTED) <= seen


@every_variant
def test_every_key_rotates(variant: Variant):
    _, recording = run_program(program(variant))
    assert all(key.inputs["enableKeyRotation"] for key in recording.of_type("Key"))


def test_a_model_store_is_private_versioned_and_encrypted():
    recording = recorded("model store")
    block = recording.the("BucketPublicAccessBlock").inputs
    assert {key: value for key, value in block.items() if key != "bucket"} == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert recording.the("BucketVersioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = recording.the("BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": key_arn("harbour-key"),
    }
    assert recording.the("BucketOwnershipControls").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_a_model_store_refuses_whoever_comes_without_tls():
    statements = json.loads(recorded("model store").the("BucketPolicy").inputs["policy"])["Statement"]
    assert [(statement["Effect"], statement["Condition"]) for statement in statements] == [
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}}),
        ("Deny", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    ]


def guarded(recording: Recording) -> list[Registration]:
    return [found for kind in ("Bucket", "Repository", "Key") for found in recording.of_type(kind)]


@pytest.mark.parametrize("variant", ["guarded cluster", "guarded model store", "guarded registry"])
def test_what_cannot_be_made_again_is_not_deleted(variant: str):
    for found in guarded(recorded(variant)):
        assert found.protect, found.name
        assert not found.inputs.get("forceDestroy", found.inputs.get("forceDelete"))


@pytest.mark.parametrize("variant", ["cluster", "model store", "registry"])
def test_what_is_not_guarded_goes_with_all_that_it_has(variant: str):
    for found in guarded(recorded(variant)):
        assert not found.protect, found.name
        assert found.inputs.get("forceDestroy", found.inputs.get("forceDelete", True))


def test_a_cluster_is_guarded_by_its_cloud_too():
    assert control_plane(recorded("guarded cluster"))["deletionProtection"] is True
    assert control_plane(recorded("cluster"))["deletionProtection"] is False


def test_an_images_tag_never_moves_and_every_push_is_scanned():
    for repository in recorded("guarded registry").of_type("Repository"):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a_node_group_launches_into_its_capacity_block():
    recording = recorded("node group in a capacity block")
    template, group = recording.the("LaunchTemplate").inputs, recording.the("NodeGroup").inputs
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert template["capacityReservationSpecification"] == {
        "capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}
    }
    assert template["instanceType"] == "p5.48xlarge"
    assert (group["amiType"], group["capacityType"]) == ("AL2023_x86_64_NVIDIA", "CAPACITY_BLOCK")
    # There is no capacity for a node more.
    assert group["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}


def test_a_node_groups_disk_is_as_fast_as_gp3_was_measured_with():
    (mapping,) = recorded("node group on demand").the("LaunchTemplate").inputs["blockDeviceMappings"]
    disk = mapping["ebs"]
    assert (disk["volumeType"], disk["volumeSize"], disk["iops"], disk["throughput"]) == ("gp3", 300, 16_000, 1_000)


def test_a_node_group_makes_one_of_its_local_drives():
    template = recorded("node group on demand").the("LaunchTemplate").inputs
    decoded = base64.b64decode(template["userData"]).decode()
    assert decoded == user_data()
    assert "strategy: RAID0" in decoded


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"capacity_type": "on-demand"}, "must be without"),
        ({"capacity_reservation_id": ...}, "need capacity_reservation_id"),
        ({"node_count": -1}, "node_count = -1: must be an integer of at least 0"),
    ],
)
def test_a_node_group_that_cannot_be_is_refused(changes: dict[str, object], message: str):
    with pytest.raises(SpecError, match=message):
        recorded("node group in a capacity block", **changes)
