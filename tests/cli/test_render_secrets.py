"""No secret is written in clear unless it is asked for."""

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
