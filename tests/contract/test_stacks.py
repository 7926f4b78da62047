"""Every cluster's stack that comes along is built by the program on mocks, whole."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.kubernetes_pods import assert_restricted

from .stack_builds import ROOT, build

every_cloud = pytest.mark.parametrize(("cloud", "pool"), [("aws", "EksGpuPool"), ("gcp", "GkeComputeClass")])


def configuration_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["config"]


def is_in_a_cluster(path: Path) -> bool:
    """Where the cache is a pod too."""
    return "cache" in configuration_of(path).get("moorage:images", {})


STACKS = [path for path in sorted((ROOT / "stacks").glob("*.yaml")) if is_in_a_cluster(path)]
every_stack = pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))


@pytest.fixture(scope="module")
def built() -> dict[Path, SimpleNamespace]:
    done = {path: build(configuration_of(path)) for path in STACKS}
    assert {path: one.stderr for path, one in done.items() if one.returncode} == {}
    return {path: SimpleNamespace(**json.loads(one.stdout)) for path, one in done.items()}


def pods_of(stack: SimpleNamespace) -> list[dict[str, Any]]:
    templates = [found["inputs"].get("spec", {}).get("template", {}) for found in stack.registrations]
    return [template["spec"] for template in templates if "containers" in template.get("spec", {})]


@every_stack
def test_it_has_an_endpoint_before_an_engine_and_a_cache(path: Path, built: dict[Path, SimpleNamespace]):
    components = {found["type"].rpartition(":")[2] for found in built[path].registrations}
    assert {"VllmDeployment", "KubernetesGateway", "KubernetesValkey"} <= components
    assert built[path].outputs["endpoint_url"].endswith("/v1")
    assert built[path].outputs["api_key"] == {"secret": "moorage-gateway-key-plaintext"}


@every_stack
def test_every_pod_is_restricted_and_its_namespace_sees_to_it(path: Path, built: dict[Path, SimpleNamespace]):
    pods = pods_of(built[path])
    assert len(pods) >= 3
    for pod in pods:
        assert_restricted(pod)
    labels = the_namespace(built[path])["inputs"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_serverless_stack_scales_from_zero_and_its_gateway_waits_for_a_node(built: dict[Path, SimpleNamespace]):
    stack = built[ROOT / "stacks" / "Pulumi.kubernetes-serverless.yaml"]
    (scaled,) = [found["inputs"]["spec"] for found in stack.registrations if found["type"].endswith(":ScaledObject")]
    assert (scaled.get("idleReplicaCount", scaled["minReplicaCount"]), scaled["maxReplicaCount"]) == (0, 2)
    (engine,) = [found["inputs"]["spec"] for found in stack.registrations if found["name"] == "engine-deployment"]
    assert "replicas" not in engine
    (files,) = [found["inputs"]["data"] for found in stack.registrations if found["type"].endswith(":ConfigMap")]
    document = json.loads(files["gateway.json"])
    assert document["upstreams"][0]["activation"] == {}
    assert document["admission"]["deadline_seconds"] >= 1500


def the(stack: SimpleNamespace, suffix: str) -> dict[str, Any]:
    (found,) = [found for found in stack.registrations if found["type"].endswith(f":{suffix}")]
    return found


def the_namespace(stack: SimpleNamespace) -> dict[str, Any]:
    """Of engines, gateway and cache."""
    namespaces = [found for found in stack.registrations if found["type"].endswith(":Namespace")]
    (found,) = [found for found in namespaces if found["inputs"]["metadata"]["name"] == "moorage"]
    return found


def stack_of(cloud: str, built: dict[Path, SimpleNamespace]) -> SimpleNamespace:
    return built[ROOT / "stacks" / f"Pulumi.{cloud}-always-on.yaml"]


def engine_of(stack: SimpleNamespace) -> dict[str, Any]:
    return next(pod for pod in pods_of(stack) if "nodeSelector" in pod)


def test_on_aws_the_nodes_are_the_planners_and_the_engines_are_placed_on_them(built: dict[Path, SimpleNamespace]):
    stack = stack_of("aws", built)
    pools = [found["inputs"] for found in stack.registrations if found["type"].endswith(":NodePool")]
    types = [pool["metadata"]["name"] for pool in sorted(pools, key=lambda pool: -pool["spec"]["weight"])]
    assert types[0] == "gpu-g6-2xlarge-spot"
    assert {name.rpartition("-")[2] for name in types} == {"spot", "demand"}
    selector = engine_of(stack)["nodeSelector"]
    for pool in pools:
        assert selector.items() <= pool["spec"]["template"]["metadata"]["labels"].items()
        assert pool["spec"]["limits"]["nvidia.com/gpu"] == "7"


def test_on_aws_the_engines_read_the_models_folder_and_nothing_else(built: dict[Path, SimpleNamespace]):
    stack = stack_of("aws", built)
    (policy,) = [
        found["inputs"]["policy"]
        for found in stack.registrations
        if found["type"].endswith(":RolePolicy") and found["name"].startswith("engine-identity")
    ]
    resources = {arn for statement in json.loads(policy)["Statement"] for arn in statement["Resource"]}
    assert resources == {"arn:aws:s3:::models-bucket", "arn:aws:s3:::models-bucket/qwen2.5-7b-instruct/*"}
    assert engine_of(stack)["serviceAccountName"] == "engine"


def test_on_google_cloud_the_engines_are_placed_on_the_class_and_read_the_bucket(built: dict[Path, SimpleNamespace]):
    stack = stack_of("gcp", built)
    assert engine_of(stack)["nodeSelector"] == {"cloud.google.com/compute-class": "gpu"}
    member = the(stack, "BucketIAMMember")["inputs"]
    assert (member["bucket"], member["role"]) == ("models-bucket", "roles/storage.objectViewer")
    (account,) = [found for found in stack.registrations if found["type"] == "kubernetes:core/v1:ServiceAccount"]
    assert "iam.gke.io/gcp-service-account" in account["inputs"]["metadata"]["annotations"]
    assert engine_of(stack)["terminationGracePeriodSeconds"] <= 105


@every_cloud
def test_the_engines_are_gone_before_their_nodes(cloud: str, pool: str, built: dict[Path, SimpleNamespace]):
    stack = stack_of(cloud, built)
    children = {found["urn"] for found in stack.registrations if found["parent"] == the(stack, pool)["urn"]}
    assert children
    assert children <= set(the(stack, "KubernetesNamespace")["dependencies"])
    assert the_namespace(stack)["parent"] == the(stack, "KubernetesNamespace")["urn"]
    (engine,) = [found for found in stack.registrations if found["name"] == "engine-deployment"]
    assert the_namespace(stack)["urn"] in engine["dependencies"]


@every_cloud
def test_an_always_on_stack_scales_by_the_prometheus_that_it_brings_along(
    cloud: str, pool: str, built: dict[Path, SimpleNamespace]
):
    stack = stack_of(cloud, built)
    scaled = the(stack, "ScaledObject")["inputs"]["spec"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 6)
    urls = {trigger["metadata"]["serverAddress"] for trigger in scaled["triggers"]}
    assert urls == {"http://kube-prometheus-stack-prometheus.monitoring.svc:9090"}
    charts = {found["inputs"]["chart"] for found in releases_of(stack)}
    assert charts == {"keda", "kube-prometheus-stack"}
    (engine,) = [found["inputs"]["spec"] for found in stack.registrations if found["name"] == "engine-deployment"]
    assert "replicas" not in engine


@every_cloud
def test_what_keda_and_prometheus_look_after_is_gone_before_them_and_they_before_the_nodes(
    cloud: str, pool: str, built: dict[Path, SimpleNamespace]
):
    stack = stack_of(cloud, built)
    installed = {found["urn"] for found in releases_of(stack)}
    kinds = ("ScaledObject", "PodMonitor", "PrometheusRule")
    watched = [found for found in stack.registrations if found["type"].rpartition(":")[2] in kinds]
    assert len(watched) == 4
    for found in watched:
        assert installed <= set(parent_of(stack, found)["dependencies"]) | set(found["dependencies"])
    nodes = {found["urn"] for found in stack.registrations if found["parent"] == the(stack, pool)["urn"]}
    for found in releases_of(stack):
        assert nodes <= set(parent_of(stack, found)["dependencies"]) | set(found["dependencies"])


@every_cloud
def test_the_dashboard_is_grafanas_where_there_is_one(cloud: str, pool: str, built: dict[Path, SimpleNamespace]):
    grafana = "http://kube-prometheus-stack-grafana.monitoring.svc"
    assert stack_of(cloud, built).outputs["dashboard_url"] == f"{grafana}/d/moorage-service?var-namespace=moorage"


def releases_of(stack: SimpleNamespace) -> list[dict[str, Any]]:
    return [found for found in stack.registrations if found["type"] == "kubernetes:helm.sh/v3:Release"]


def parent_of(stack: SimpleNamespace, child: dict[str, Any]) -> dict[str, Any]:
    (found,) = [found for found in stack.registrations if found["urn"] == child["parent"]]
    return found


def charts_of(configuration: dict[str, object]) -> set[str]:
    done = build(configuration)
    assert done.returncode == 0, done.stderr
    return {found["inputs"]["chart"] for found in releases_of(SimpleNamespace(**json.loads(done.stdout)))}


def test_in_a_cluster_that_exists_only_what_is_asked_for_is_installed(built: dict[Path, SimpleNamespace]):
    for name in ("kubernetes-always-on", "kubernetes-serverless"):
        assert releases_of(built[ROOT / "stacks" / f"Pulumi.{name}.yaml"]) == []
    everything = ["keda", "prometheus", "device-plugin", "leader-worker-set"]
    charts = charts_of(kubernetes_stack(cluster={"context": "CONTEXT", "addons": everything}, replicas={"max": 4}))
    lws = "oci://registry.k8s.io/lws/charts/lws"
    assert charts == {"keda", "kube-prometheus-stack", "nvidia-device-plugin", lws}


def test_a_serverless_stack_says_how_long_its_last_engine_stays():
    keys = configuration_of(ROOT / "stacks" / "Pulumi.kubernetes-serverless.yaml")
    done = build({**keys, "moorage:engine": {"idle_seconds": 600}})
    assert done.returncode == 0, done.stderr
    assert the(SimpleNamespace(**json.loads(done.stdout)), "ScaledObject")["inputs"]["spec"]["cooldownPeriod"] == 600


def test_a_prometheus_that_is_there_already_is_not_installed_again():
    keys = configuration_of(ROOT / "stacks" / "Pulumi.aws-always-on.yaml")
    cluster = {"prometheus_url": "http://prometheus.monitoring.svc:9090"}
    assert charts_of({**keys, "moorage:cluster": cluster}) == {"keda"}


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_spot_alone_is_refused_where_several_replicas_are_always_up(cloud: str):
    keys = configuration_of(ROOT / "stacks" / f"Pulumi.{cloud}-always-on.yaml")
    refused = build({**keys, "moorage:pool": {"capacity_types": ["spot"]}})
    assert refused.returncode == 1
    assert "pool.capacity_types = spot: with 2 replicas as the least" in refused.stderr


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_second_device_plugin_on_nodes_that_bring_theirs_is_refused(cloud: str):
    keys = configuration_of(ROOT / "stacks" / f"Pulumi.{cloud}-always-on.yaml")
    refused = build({**keys, "moorage:cluster": {"addons": ["keda", "prometheus", "device-plugin"]}})
    assert refused.returncode == 1
    assert f"cluster.addons = device-plugin: the nodes of {cloud} bring it" in refused.stderr


def kubernetes_stack(**changes: object) -> dict[str, object]:
    """The always-on stack in a cluster that exists, with other keys; `...` leaves one out."""
    keys = {**configuration_of(ROOT / "stacks" / "Pulumi.kubernetes-always-on.yaml")}
    keys |= {f"moorage:{name}": value for name, value in changes.items()}
    return {key: value for key, value in keys.items() if value is not ...}


def nodes(**changes: object) -> dict[str, object]:
    given = configuration_of(ROOT / "stacks" / "Pulumi.kubernetes-always-on.yaml")["moorage:nodes"]
    assert isinstance(given, dict)
    return {**given, **changes}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"replicas": {"min": 1}}, "replicas = 1: the one replica is stopped before its successor starts"),
        ({"nodes": nodes(gpu_memory_gib=14.5)}, "model.source: does not fit: each of 1 GPUs has 13.3 GiB for vLLM"),
        (
            {"nodes": nodes(tensor_parallel_size=3, gpus_per_node=4)},
            "nodes.tensor_parallel_size = 3: does not divide the model's 28 attention heads and 4 KV heads evenly",
        ),
        (
            {"nodes": nodes(tensor_parallel_size=2)},
            "nodes.tensor_parallel_size = 2: must be at most nodes.gpus_per_node = 1",
        ),
        ({"replicas": {"max": 1}}, "replicas.max = 1: must be at least replicas.min = 2"),
        ({"replicas": {"max": 4}}, "cluster.prometheus_url: is missing; autoscaled engines need whom KEDA asks"),
        (
            {"cluster": {"context": "x", "addons": ["prometheus"], "prometheus_url": "http://there"}},
            "cluster.prometheus_url = http://there: must be left out with prometheus in cluster.addons",
        ),
        (
            {"monitoring": {"storage_class_name": "gp3"}},
            "monitoring.storage_class_name = gp3: has no meaning without prometheus in cluster.addons",
        ),
        ({"option": "serverless"}, "replicas.min = 2: must be left out with option = serverless"),
        ({"nodes": ...}, "nodes: is missing; cloud = kubernetes needs it"),
        ({"cluster": {"namespace": "x"}}, "cluster.context: is missing; must be a context of the kubeconfig"),
        (
            {"cluster": {"context": "x", "network": {"clients": {}, "dns_addresses": ["kube-dns"]}}},
            'cluster.network.dns_addresses.0 = "kube-dns": must be an IP address',
        ),
        ({"gateway": {"port": 80}}, "gateway.port: has no meaning with cloud = kubernetes; see cluster.exposure"),
        ({"tiny_model": {}, "cloud": "local", "option": "always-on"}, "nodes: has no meaning with cloud = local"),
    ],
    ids=[
        "downtime",
        "memory",
        "heads",
        "too few GPUs",
        "max",
        "no Prometheus",
        "two Prometheus",
        "no Prometheus that would have a volume",
        "serverless",
        "no nodes",
        "no context",
        "no address",
        "port",
        "of another cloud",
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(changes: dict[str, object], problem: str):
    refused = build(kubernetes_stack(**changes))
    assert refused.returncode == 1
    assert problem in refused.stderr


@pytest.mark.parametrize(
    "key", [{"serverless_cache": True}, {"key_rotation_days": 30}], ids=lambda key: next(iter(key))
)
def test_a_cluster_on_aws_has_nothing_of_gateways_on_fargate(key: dict[str, object]):
    refused = build(on_aws("aws-always-on", key))
    assert refused.returncode == 1
    assert f"aws.{next(iter(key))}: has no meaning in a cluster" in refused.stderr


def test_no_key_is_rotated_where_there_is_none():
    refused = build({**on_aws("aws-ecs", {"key_rotation_days": 30}), "moorage:gateway": {"authentication": "none"}})
    assert refused.returncode == 1
    assert "aws.key_rotation_days: has no meaning with gateway.authentication = none; remove it" in refused.stderr


def on_aws(stack: str, more: dict[str, object]) -> dict[str, Any]:
    keys = dict(configuration_of(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))
    return {**keys, "moorage:aws": {**keys["moorage:aws"], **more}}


def test_a_model_is_split_over_the_fewest_gpus_of_a_node_that_hold_it():
    done = build(kubernetes_stack(nodes=nodes(gpu_memory_gib=14.5, gpus_per_node=4)))
    assert done.returncode == 0, done.stderr
    engine = engine_of(SimpleNamespace(**json.loads(done.stdout)))
    assert engine["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"


def policies_of(stack: SimpleNamespace) -> dict[str, Any]:
    policies = [found for found in stack.registrations if found["type"].endswith(":NetworkPolicy")]
    return {found["name"]: found["inputs"]["spec"] for found in policies}


def test_policies_are_told_what_the_stack_says_of_the_network():
    network = {
        "clients": {"namespaces": ["apps"]},
        "weights_cidrs": ["10.20.0.0/24"],
        "dns_addresses": ["10.96.0.10"],
    }
    cluster = {"context": "x", "prometheus_url": "http://prometheus.observability.svc:9090", "network": network}
    done = build(kubernetes_stack(cluster=cluster))
    assert done.returncode == 0, done.stderr
    specs = policies_of(SimpleNamespace(**json.loads(done.stdout)))
    reached = json.dumps(specs["network-policies-gateway"]["ingress"])
    assert ('"apps"' in reached, '"observability"' in reached, '"namespaceSelector": {}' in reached) == (
        True,
        True,
        False,
    )
    assert "10.20.0.0/24" in json.dumps(specs["network-policies-engine"]["egress"])
    assert "10.96.0.10/32" in json.dumps(specs["network-policies-dns"]["egress"])


def test_on_google_cloud_a_routes_balancers_reach_the_gateway():
    route = {"kind": "http-route", "hostname": "llm.example.com", "gateway_name": "public"}
    keys = configuration_of(ROOT / "stacks" / "Pulumi.gcp-always-on.yaml")
    done = build({**keys, "moorage:cluster": {"exposure": route}})
    assert done.returncode == 0, done.stderr
    stack = SimpleNamespace(**json.loads(done.stdout))
    (proxies,) = [found["inputs"]["ipCidrRange"] for found in stack.registrations if found["name"] == "network-proxies"]
    clients, _prometheus = policies_of(stack)["network-policies-gateway"]["ingress"]
    assert {peer["ipBlock"]["cidr"] for peer in clients["from"]} == {proxies, "35.191.0.0/16", "130.211.0.0/22"}
