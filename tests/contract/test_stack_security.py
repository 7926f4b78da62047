"""What is closed in a whole stack on AWS and on Google Cloud, as the program makes it, unasked for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .test_stack_deletion import CLUSTERS, Resource, clouds, resources

EVERYBODY = {"0.0.0.0/0", "::/0", "allUsers", "allAuthenticatedUsers"}


def containers(made: tuple[Resource, ...]) -> Iterator[dict[str, Any]]:
    for found in made:
        pod = found["inputs"].get("spec", {}).get("template", {}).get("spec", {})
        if found["type"].startswith("kubernetes:apps/"):
            yield from (*pod["containers"], *pod.get("initContainers", []))


def statements(made: tuple[Resource, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of all policies of roles; those of keys and buckets are about themselves."""
    for found in made:
        if found["type"].endswith(("iam/rolePolicy:RolePolicy", "iam/policy:Policy")):
            for statement in json.loads(found["inputs"]["policy"])["Statement"]:
                yield found["name"], statement


@clouds
def test_every_image_is_named_by_its_digest_and_no_container_has_a_right(cloud: str):
    found = list(containers(resources(cloud)))
    assert len(found) >= 3
    for container in found:
        assert "@sha256:" in container["image"]
        assert "latest" not in container["image"]
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_the_api_of_a_cluster_on_aws_is_private_and_its_secrets_have_a_key():
    (cluster,) = [found["inputs"] for found in resources("aws") if found["type"] in CLUSTERS["aws"]]
    assert cluster["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster["encryptionConfig"]["resources"] == ["secrets"]


def test_the_api_and_the_nodes_of_a_cluster_on_google_cloud_are_private_and_its_secrets_have_a_key():
    (cluster,) = [found["inputs"] for found in resources("gcp") if found["type"] in CLUSTERS["gcp"]]
    assert cluster["privateClusterConfig"] == {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
    assert cluster["databaseEncryption"]["state"] == "ENCRYPTED"


def test_no_role_on_aws_may_do_everything_or_anything_with_everything():
    found = list(statements(resources("aws")))
    assert any(name.startswith("engine-identity") for name, _ in found)
    for name, statement in found:
        assert not [action for action in statement["Action"] if "*" in action], name
        assert "*" not in statement["Resource"], name


@pytest.mark.parametrize("kind", ["IAMMember", "BucketIAMMember", "CryptoKeyIAMMember"])
def test_nobody_on_google_cloud_has_a_role_of_everybodys_or_for_everything(kind: str):
    found = [each["inputs"] for each in resources("gcp") if each["type"].endswith(f":{kind}")]
    assert found
    for given in found:
        assert given["member"] not in EVERYBODY
        assert given["role"] not in {"roles/owner", "roles/editor", "roles/viewer"}
