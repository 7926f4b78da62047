"""No secret is written in clear unless it is asked for."""

import hashlib
import re
import stat

from .conftest import MakeProject, Render, objects

PROGRAM = """
    import pulumi
    from pulumi_kubernetes.core.v1 import Secret

    Secret(
        "keys",
        metadata={"namespace": "shop", "labels": {"app": "web"}},
        type="Opaque",
        data={"encoded": "aHVzaA=="},
        string_data={"token": pulumi.Config().get("token") or "hush"},
    )
"""
EXTERNAL = "30-externalsecret.external-secrets.io_shop_keys.yaml"


def test_an_external_secret_with_the_same_keys_stands_for_a_secret(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render("--secret-store", "vault")
    (written,) = objects(folder).values()
    assert written["kind"] == "ExternalSecret"
    assert written["metadata"] == {"name": "keys", "namespace": "shop", "labels": {"app": "web"}}
    assert written["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    assert written["spec"]["target"]["name"] == "keys"
    assert written["spec"]["data"] == [
        {"secretKey": key, "remoteRef": {"key": "shop/keys", "property": key}} for key in ("encoded", "token")
    ]
    assert "into the ClusterSecretStore vault:\n  shop/keys: encoded, token" in result.stderr


def test_no_value_of_a_secret_is_in_any_file_or_on_the_screen(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render()
    seen = result.output + "".join(file.read_text() for file in (folder / "out").iterdir())
    assert "hush" not in seen
    assert "aHVzaA==" not in seen


def test_secrets_are_written_on_demand_for_their_owner_alone(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render("--show-secrets")
    assert result.exit_code == 0
    (file,) = (folder / "out").iterdir()
    assert objects(folder)[file.name]["stringData"] == {"token": "hush"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_at_another_place_is_refused(make_project: MakeProject, render: Render):
    folder = make_project(
        """
        import pulumi
        from pulumi_kubernetes.core.v1 import ConfigMap

        ConfigMap("settings", data={"password": pulumi.Output.secret("hush"), "user": "me"})
        """
    )
    result = render()
    assert result.exit_code == 1
    assert "ConfigMap settings: data.password is a secret, but no Secret" in result.stderr
    assert "data.user" not in result.stderr
    assert "hush" not in result.output
    assert not (folder / "out").exists()


ENCRYPTED = {"shop:token": {"secure": "AAABAGxvbmc="}}


def test_encrypted_configuration_needs_no_passphrase_where_it_ends_in_a_secret(
    make_project: MakeProject, render: Render
):
    folder = make_project(PROGRAM, ENCRYPTED)
    assert render().exit_code == 0
    assert list(objects(folder)) == [EXTERNAL]


def test_encrypted_configuration_cannot_be_shown(make_project: MakeProject, render: Render):
    make_project(PROGRAM, ENCRYPTED)
    result = render("--show-secrets")
    assert result.exit_code == 1
    assert "Secret shop/keys: stringData.token needs the encrypted configuration shop:token" in result.stderr


def test_a_secret_whose_keys_only_the_cloud_knows_is_refused(make_project: MakeProject, render: Render):
    make_project(
        """
        import pulumi_aws.sqs
        from pulumi_kubernetes.core.v1 import Secret

        Secret("keys", string_data=pulumi_aws.sqs.Queue("orders").arn.apply(lambda arn: {arn: "x"}))
        """
    )
    result = render()
    assert result.exit_code == 1
    assert "Secret keys: the keys of stringData are only known after `pulumi up` has made aws:sqs" in result.stderr


CREDENTIALS = """
    import hashlib

    import pulumi
    from moorage.credentials.api_key import ApiKey
    from moorage.credentials.password import Password
    from pulumi_kubernetes.core.v1 import ConfigMap, Secret

    Secret("password", string_data={"password": Password("password").password})
    if pulumi.Config().get_bool("key"):
        key = pulumi.Output.unsecret(ApiKey("key").key)
        ConfigMap("keys", data={"sha256": key.apply(lambda key: hashlib.sha256(key.encode()).hexdigest())})
"""


def test_credentials_that_a_stack_makes_up_are_only_made_where_they_are_shown(
    make_project: MakeProject, render: Render
):
    folder = make_project(CREDENTIALS)
    assert render().exit_code == 0
    (stand_in,) = objects(folder).values()
    assert stand_in["kind"] == "ExternalSecret"
    assert render("--show-secrets").exit_code == 0
    (secret,) = objects(folder).values()
    assert len(secret["stringData"]["password"]) == 64  # 32 random bytes


def test_no_hash_of_a_key_that_does_not_exist_is_written(make_project: MakeProject, render: Render):
    make_project(CREDENTIALS, {"shop:key": True})
    result = render()
    assert result.exit_code == 1
    assert "ConfigMap keys: data.sha256 is only known after `pulumi up` has made" in result.stderr
    assert "moorage:ApiKey key" in result.stderr


def test_a_key_that_was_made_is_shown_once_and_its_hash_is_written(make_project: MakeProject, render: Render):
    folder = make_project(CREDENTIALS, {"shop:key": True})
    result = render("--show-secrets")
    (key,) = re.findall(r"^  key: (moorage-\S+)$", result.stderr, re.MULTILINE)
    assert objects(folder)["30-configmap_keys.yaml"]["data"]["sha256"] == hashlib.sha256(key.encode()).hexdigest()
