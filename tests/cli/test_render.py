"""What `moorage render` writes, and what it says when it cannot."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import yaml

from .conftest import MakeProject, Render, objects

SHOP = """
    import pulumi
    from pulumi_kubernetes.apiextensions import CustomResource
    from pulumi_kubernetes.apps.v1 import Deployment
    from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

    config = pulumi.Config()
    namespace = Namespace("place", metadata={"name": "shop"})
    here = {"namespace": namespace.metadata["name"]}
    settings = ConfigMap("settings", metadata=here, data={"greeting": config.require("greeting")})
    Deployment(
        "web",
        metadata={**here, "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={
            "replicas": config.require_int("replicas"),
            "selector": {"match_labels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{
                        "name": "web",
                        "image": "shop@sha256:0",
                        "env_from": [{"config_map_ref": {"name": settings.metadata["name"]}}],
                    }],
                },
            },
        },
    )
    CustomResource(
        "clerk", api_version="keda.sh/v1alpha1", kind="ScaledObject", metadata=here, spec={"minReplicaCount": 0}
    )
    pulumi.export("name", settings.metadata["name"])
"""
CONFIG = {"shop:greeting": "hello\nworld\n", "shop:replicas": 2}


def test_every_object_is_written_to_a_file_of_its_own(make_project: MakeProject, render: Render):
    folder = make_project(SHOP, CONFIG)
    result = render()
    assert result.exit_code == 0
    assert "4 objects in out" in result.stderr
    assert list(objects(folder)) == [
        "00-namespace_shop.yaml",
        "30-configmap_shop_settings.yaml",
        "50-deployment.apps_shop_web.yaml",
        "60-scaledobject.keda.sh_shop_clerk.yaml",
    ]


def test_an_object_is_what_the_program_says_in_kubernetes_own_words(make_project: MakeProject, render: Render):
    folder = make_project(SHOP, CONFIG)
    render()
    assert objects(folder)["50-deployment.apps_shop_web.yaml"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "web",
                            "image": "shop@sha256:0",
                            "envFrom": [{"configMapRef": {"name": "settings"}}],
                        }
                    ]
                },
            },
        },
    }


def test_two_calls_write_the_same(make_project: MakeProject, render: Render):
    folder = make_project(SHOP, CONFIG)
    render()
    first = {file.name: file.read_bytes() for file in (folder / "out").iterdir()}
    render()
    assert {file.name: file.read_bytes() for file in (folder / "out").iterdir()} == first


def test_it_is_a_command_of_the_environment(make_project: MakeProject):
    folder = make_project(SHOP, CONFIG)
    command = [Path(sys.executable).with_name("moorage"), "render", "--stack", "dev", "--out", folder / "out"]
    finished = subprocess.run(command, cwd=folder / "program", capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (0, "")
    assert len(objects(folder)) == 4


CLOUD = """
    import pulumi
    import pulumi_aws.sqs
    from pulumi_kubernetes.core.v1 import ConfigMap

    queue = pulumi_aws.sqs.Queue("orders", name="shop-orders")
    ConfigMap("known", data={"queue": queue.name})
    if pulumi.Config().get_bool("unknown"):
        ConfigMap("unknown", metadata={"namespace": "shop"}, data={"arn": queue.arn, "id": queue.id, "plain": "x"})
"""


def test_what_a_cloud_resource_is_told_is_known(make_project: MakeProject, render: Render):
    folder = make_project(CLOUD)
    result = render()
    assert objects(folder)["30-configmap_known.yaml"]["data"] == {"queue": "shop-orders"}
    assert "No Kubernetes objects, and so not written:\n  aws:sqs/queue:Queue orders\n" in result.stderr


def test_what_only_the_cloud_knows_is_named_with_its_place_and_nothing_is_written(
    make_project: MakeProject, render: Render
):
    folder = make_project(CLOUD, {"shop:unknown": True})
    result = render()
    assert result.exit_code == 1
    for place in ("data.arn", "data.id"):
        assert (
            f"ConfigMap shop/unknown: {place} is only known after `pulumi up` has made aws:sqs/queue:Queue orders"
            in result.stderr
        )
    assert "data.plain" not in result.stderr
    assert not (folder / "out").exists()


def test_a_question_to_a_cloud_is_refused(make_project: MakeProject, render: Render):
    make_project("import pulumi_aws\npulumi_aws.get_caller_identity()")
    result = render()
    assert result.exit_code == 1
    assert "aws:index/getCallerIdentity:getCallerIdentity, which only a cloud can answer" in result.stderr


def test_what_the_program_refuses_is_said_as_it_says_it(make_project: MakeProject, render: Render):
    make_project("import pulumi\nraise pulumi.RunError('load.peak = 0: must be more')")
    result = render()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "load.peak = 0: must be more" in result.stderr


def test_objects_that_a_cluster_could_not_tell_apart_are_refused(make_project: MakeProject, render: Render):
    make_project(
        """
        from pulumi_kubernetes.core.v1 import ConfigMap

        for resource in ("one", "two"):
            ConfigMap(resource, metadata={"name": "same"})
        """
    )
    result = render()
    assert result.exit_code == 1
    assert "ConfigMap same: registered twice, by urn:pulumi:dev::shop::" in result.stderr


def test_a_stack_without_objects_is_refused(make_project: MakeProject, render: Render):
    make_project("import pulumi_aws.sqs\npulumi_aws.sqs.Queue('orders')")
    result = render()
    assert result.exit_code == 1
    assert "it has no Kubernetes objects" in result.stderr


def test_an_unknown_stack_is_named_with_those_that_exist(make_project: MakeProject, render: Render):
    make_project(SHOP, CONFIG)
    result = render(stack="prod")
    assert result.exit_code == 1
    assert "Pulumi.prod.yaml does not exist. Stacks with a file: dev." in result.stderr


CHART = """
    import pulumi
    from pulumi_kubernetes.core.v1 import Namespace
    from pulumi_kubernetes.helm.v3 import Release

    namespace = Namespace("place", metadata={"name": "scaling"})
    Release(
        "scaler",
        chart="keda",
        name="keda",
        version="2.21.0",
        repository_opts={"repo": "https://charts.example.com"},
        namespace=namespace.metadata["name"],
        values={"operator": {"replicaCount": 2}, "token": TOKEN},
    )
"""


def test_a_chart_is_written_as_what_helm_is_told_and_not_applied_with_the_objects(
    make_project: MakeProject, render: Render
):
    folder = make_project(CHART.replace("TOKEN", "'none'"))
    result = render()
    assert result.exit_code == 0
    assert (
        "helm upgrade --install keda keda --repo https://charts.example.com --version 2.21.0"
        " --namespace scaling --values out/helm_scaling_keda.values\n"
    ) in result.stderr
    values = folder / "out" / "helm_scaling_keda.values"
    assert yaml.safe_load(values.read_text()) == {"operator": {"replicaCount": 2}, "token": "none"}
    assert list(objects(folder)) == ["00-namespace_scaling.yaml"]


def test_a_charts_values_go_with_the_chart(make_project: MakeProject, render: Render):
    folder = make_project(CHART.replace("TOKEN", "'none'"))
    render()
    (folder / "program" / "__main__.py").write_text(dedent(SHOP))
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": CONFIG}))
    assert render().exit_code == 0
    assert not list((folder / "out").glob("*.values"))


def test_a_secret_among_a_charts_values_is_refused(make_project: MakeProject, render: Render):
    make_project(CHART.replace("TOKEN", "pulumi.Output.secret('abc')"))
    result = render()
    assert result.exit_code == 1
    assert "Release scaling/keda: values.token is a secret, but no Secret" in result.stderr
    assert "abc" not in result.stderr
