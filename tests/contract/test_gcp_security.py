"""What Google Cloud is asked for: who may do what, what is open, what is encrypted and kept."""

import json
from typing import Any

import pytest

from moorage.gcp.cluster import GkeCluster
from moorage.gcp.gpu_pool import GkeGpuPool
from moorage.gcp.identity import GkeWorkloadIdentity
from moorage.gcp.image_registry import ArtifactRegistry

from .examples import component
from .gcp_answers import PROJECT_NUMBER
from .gcp_stack import of_google, whole
from .recording import Recording, Secret, run_program, value_of

OPTIONAL = {
    "authorized_networks",
    "control_plane_access",
    "deletion_protection",
    "release_channel",
    "system_machine_type",
    "system_max_node_count",
    "system_min_node_count",
}
BY_DEFAULT: dict[str, Any] = dict.fromkeys(OPTIONAL, ...)


@pytest.fixture(scope="module")
def recorded() -> Recording:
    return run_program(whole)[1]


def cluster_of(**changes: object) -> dict[str, Any]:
    return run_program(component(GkeCluster, "harbour", **changes))[1].the("Cluster").inputs


def test_only_narrow_roles_are_given_and_only_a_nodes_own_for_a_whole_project(recorded: Recording):
    given = {(found.type, found.inputs["role"]) for found in of_google(recorded) if "member" in found.inputs}
    assert given == {
        ("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "roles/artifactregistry.reader"),
        ("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "roles/cloudkms.cryptoKeyEncrypterDecrypter"),
        ("gcp:projects/iAMMember:IAMMember", "roles/container.defaultNodeServiceAccount"),
        ("gcp:serviceaccount/iAMMember:IAMMember", "roles/iam.workloadIdentityUser"),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", "roles/storage.objectViewer"),
    }


def test_nobody_is_everybody(recorded: Recording):
    members = [found.inputs["member"] for found in of_google(recorded) if "member" in found.inputs]
    assert members
    assert [member for member in members if not member.startswith("serviceAccount:")] == []


def test_a_key_is_used_by_the_service_that_keeps_the_data_and_by_no_other(recorded: Recording):
    users = {found.name: found.inputs["member"] for found in recorded.of_type("CryptoKeyIAMMember")}
    assert set(users.values()) == {
        f"serviceAccount:service-{PROJECT_NUMBER}@{agent}.iam.gserviceaccount.com"
        for agent in ("container-engine-robot", "compute-system", "gs-project-accounts", "gcp-sa-artifactregistry")
    }


def test_one_kubernetes_service_account_takes_one_of_google(recorded: Recording):
    (taken,) = [found for found in recorded.of_type("IAMMember") if found.type.startswith("gcp:serviceaccount/")]
    assert taken.inputs["member"] == "serviceAccount:harbour-test.svc.id.goog[harbour/engine]"
    assert taken.inputs["serviceAccountId"].endswith("/harbour-user@harbour-test.iam.gserviceaccount.com")


def test_an_identitys_annotation_names_its_account():
    identity, _ = run_program(component(GkeWorkloadIdentity, "harbour"))
    assert value_of(identity.service_account_annotations) == {
        "iam.gke.io/gcp-service-account": "harbour-user@harbour-test.iam.gserviceaccount.com"
    }


def test_a_cluster_is_closed_by_default():
    inputs = cluster_of(**BY_DEFAULT)
    assert inputs["privateClusterConfig"] == {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
    assert inputs["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": False},
        "ipEndpointsConfig": {"enabled": True},
    }
    assert inputs["masterAuthorizedNetworksConfig"] == {
        "cidrBlocks": [],
        "gcpPublicCidrsAccessEnabled": False,
        "privateEndpointEnforcementEnabled": True,
    }


def test_a_cluster_brings_what_weights_metrics_and_images_need():
    inputs = cluster_of(**BY_DEFAULT)
    assert inputs["workloadIdentityConfig"]["workloadPool"].endswith(".svc.id.goog")
    assert inputs["monitoringConfig"]["managedPrometheus"] == {"enabled": True}
    assert inputs["addonsConfig"]["gcsFuseCsiDriverConfig"] == {"enabled": True}
    _, recording = run_program(component(GkeGpuPool, "harbour"))
    for nodes in recording.of_type("NodePool"):
        assert nodes.inputs["nodeConfig"]["gcfsConfig"] == {"enabled": True}


def test_a_cluster_that_is_reached_by_name_has_no_address():
    inputs = cluster_of(**{**BY_DEFAULT, "control_plane_access": "dns"})
    assert inputs["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": True},
        "ipEndpointsConfig": {"enabled": False},
    }
    assert "masterAuthorizedNetworksConfig" not in inputs


def test_the_anonymous_and_everybody_with_an_account_get_nothing_in_a_cluster():
    inputs = cluster_of()
    assert inputs["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
    assert inputs["rbacBindingConfig"] == {
        "enableInsecureBindingSystemAuthenticated": False,
        "enableInsecureBindingSystemUnauthenticated": False,
    }
    assert inputs["enableLegacyAbac"] is False
    assert inputs["masterAuth"] == {"clientCertificateConfig": {"issueClientCertificate": False}}


def test_every_node_is_private_shielded_and_keeps_its_token_to_itself(recorded: Recording):
    pools = recorded.of_type("NodePool")
    assert len(pools) == 2
    for pool in pools:
        node = pool.inputs["nodeConfig"]
        assert pool.inputs["networkConfig"] == {"enablePrivateNodes": True}
        assert node["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}
        assert node["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert node["kubeletConfig"]["insecureKubeletReadonlyPortEnabled"] == "FALSE"
        assert node["serviceAccount"] == "harbour-nodes@harbour-test.iam.gserviceaccount.com"
        assert node["gcfsConfig"] == node["gvnic"] == {"enabled": True}


def test_what_is_kept_is_encrypted_with_keys_of_ones_own(recorded: Recording):
    keys = {found.name: f"{found.name}-id" for found in recorded.of_type("CryptoKey")}
    assert recorded.the("Cluster").inputs["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": "harbour-key-id"}
    assert {pool.inputs["nodeConfig"]["bootDiskKmsKey"] for pool in recorded.of_type("NodePool")} <= set(keys.values())
    assert recorded.the("Bucket").inputs["encryption"]["defaultKmsKeyName"] in keys.values()
    assert recorded.the("Repository").inputs["kmsKeyName"] in keys.values()
    assert {found.inputs["rotationPeriod"] for found in recorded.of_type("CryptoKey")} == {"7776000s"}


def test_a_bucket_is_private_for_good_and_forgets_nothing_at_once(recorded: Recording):
    inputs = recorded.the("Bucket").inputs
    assert inputs["uniformBucketLevelAccess"] is True
    assert inputs["publicAccessPrevention"] == "enforced"
    assert inputs["versioning"] == {"enabled": True}
    assert inputs["softDeletePolicy"] == {"retentionDurationSeconds": 604800}


def test_a_tag_never_moves_and_what_has_none_goes(recorded: Recording):
    inputs = recorded.the("Repository").inputs
    assert inputs["dockerConfig"] == {"immutableTags": True}
    assert inputs["cleanupPolicyDryRun"] is False
    assert inputs["cleanupPolicies"] == [
        {"id": "untagged", "action": "DELETE", "condition": {"tagState": "UNTAGGED", "olderThan": "1209600s"}}
    ]


def test_images_that_are_to_be_streamed_have_no_key_of_ones_own():
    _, recording = run_program(component(ArtifactRegistry, "harbour", customer_managed_key=False))
    assert recording.of_type("CryptoKey") == []
    assert "kmsKeyName" not in recording.the("Repository").inputs


def test_nodes_reach_google_without_the_internet_and_the_internet_by_one_way_out(recorded: Recording):
    proxies, subnet = sorted(recorded.of_type("Subnetwork"), key=lambda found: found.name)
    assert subnet.inputs["privateIpGoogleAccess"] is True
    assert subnet.inputs["logConfig"]["metadata"] == "INCLUDE_ALL_METADATA"
    assert (proxies.inputs["purpose"], proxies.inputs["role"]) == ("REGIONAL_MANAGED_PROXY", "ACTIVE")
    assert proxies.inputs["ipCidrRange"] == recorded.outputs[recorded.the("GkeNetwork").urn]["proxy_range"]
    assert recorded.the("Network").inputs["autoCreateSubnetworks"] is False
    assert recorded.the("RouterNat").inputs["subnetworks"] == [
        {"name": "harbour-subnet-id", "sourceIpRangesToNats": ["ALL_IP_RANGES"]}
    ]


@pytest.mark.parametrize(
    ("access", "cluster"),
    [
        ("private", {"server": "https://10.0.0.2", "certificate-authority-data": "Q0VSVElGSUNBVEU="}),
        ("dns", {"server": "https://gke-0123456789abcdef.europe-west4.gke.goog"}),
    ],
)
def test_a_kubeconfig_is_a_secret_and_has_no_credentials(access: str, cluster: dict[str, str]):
    made, _ = run_program(component(GkeCluster, "harbour", **{**BY_DEFAULT, "control_plane_access": access}))
    secret = value_of(made.kubeconfig)
    assert isinstance(secret, Secret)
    config = json.loads(str(secret.value))
    assert [known["cluster"] for known in config["clusters"]] == [cluster]
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert config["current-context"] == config["contexts"][0]["name"]
