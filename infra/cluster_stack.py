"""The stack in a cluster, whoever runs it: engines, gateway and cache in a namespace of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
from pulumi_kubernetes import core

from addons import after, engine_opts, install_addons, monitor
from cluster_configuration import ClusterSettings
from configuration import Configuration
from images import image_of
from model_revision import revision_of
from moorage.engine import Parallelism
from moorage.kubernetes.autoscaler import VllmAutoscaler, VllmAutoscalerArgs
from moorage.kubernetes.cache import KubernetesValkey
from moorage.kubernetes.cluster_addons import ClusterAddons
from moorage.kubernetes.content_secret import content_secret
from moorage.kubernetes.gateway import KubernetesGateway, KubernetesGatewayArgs
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.model_cache import ModelCache, ModelCacheArgs
from moorage.kubernetes.namespace import KubernetesNamespace
from moorage.kubernetes.network_policies import NetworkPolicies, NetworkPoliciesArgs
from moorage.kubernetes.placement import PlacementArgs
from moorage.kubernetes.vllm import SecretKeyArgs, VllmDeployment, VllmDeploymentArgs
from moorage.kubernetes.vllm_spec import NODE_SECONDS, max_num_seqs_of, startup_seconds_of, weights_gib_of
from moorage.spec import HubSource, ModelFacts, ModelSpec
from moorage.spec.gateway_document import Upstream
from moorage.spec.gateway_settings import GatewaySettings
from outputs import StackOutputs, try_it
from patience import with_patience
from settings import Settings

if TYPE_CHECKING:
    from moorage.kubernetes.autoscaler import ScaleTargetArgs
    from moorage.kubernetes.gateway_spec import ExposureArgs
    from moorage.kubernetes.network_policy_spec import ClientsArgs
    from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs

_MAX_REPLICAS = 4
"""Of a stack that starts from zero and says nothing of it."""
ENGINE_SERVICE_ACCOUNT = "engine"
GATEWAY_SERVICE_ACCOUNT = "gateway"
_QUESTION = "Hello, who are you?"
_TOKEN_KEY = "token"  # noqa: S105 - the name of a key


@dataclass(frozen=True)
class ClusterParts:
    """What differs between clusters."""

    platform: str
    placement: PlacementArgs
    parallelism: Parallelism
    gpu_memory_gib: float
    opts: pulumi.ResourceOptions
    """With the cluster's provider."""
    estimated_cost: dict[str, float | str]
    needs: tuple[pulumi.Resource, ...] = ()
    """What has to be there before the engines, and is deleted after them, such as the pool of their nodes."""
    dns_addresses: tuple[pulumi.Input[str], ...] = ()
    """Of its resolver, where that is no pod and has no usual address."""
    service_account_annotations: pulumi.Input[Mapping[str, str]] | None = None
    """Of the engines' service account. None: those of the stack's file."""
    further_upstreams: tuple[pulumi.Output[Upstream], ...] = ()
    """Which the gateways ask after the stack's own engines, with the identity of a service account of theirs."""
    gateway_destinations: tuple[str, ...] = ()
    """Where those are."""


def build_cluster_stack(settings: Settings, parts: ClusterParts) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for what cannot be served."""
    configuration, cluster = settings.configuration, settings.configuration.cluster
    model, _ = _model(configuration)
    namespace = _namespace(cluster, parts)
    NetworkPolicies("network-policies", _network_policies_args(settings, parts, namespace), parts.opts)
    addons = install_addons(configuration, parts)
    after_addons = after(parts.opts, addons)
    engine = VllmDeployment(
        "engine", _engine_args(settings, parts, namespace), engine_opts(configuration, parts, addons)
    )
    cache = KubernetesValkey(
        "cache",
        {
            "namespace": namespace,
            "image": image_of(configuration, "cache"),
            "settings": _gateway_settings(configuration),
        },
        parts.opts,
    )
    if configuration.is_autoscaled:
        args = _autoscaler_args(configuration, namespace, engine, addons)
        VllmAutoscaler("engine-autoscaler", args, after_addons)
    gateway = KubernetesGateway("gateway", _gateway_args(settings, parts, namespace, engine, cache), parts.opts)
    dashboard_url = gateway.metrics_url
    if configuration.is_monitored:
        found = monitor(settings, model.served_name, namespace, addons, after_addons)
        dashboard_url = pulumi.Output.all(found, gateway.metrics_url).apply(lambda urls: urls[0] or urls[1])
    return StackOutputs(
        endpoint_url=gateway.endpoint_url,
        api_key=gateway.api_key,
        model=model.served_name,
        revision=revision_of(model),
        option=configuration.option,
        platform=parts.platform,
        dashboard_url=dashboard_url,
        estimated_cost=parts.estimated_cost,
        upstreams=[engine.upstream, *parts.further_upstreams],
        log_directory=_logs(cluster),
        try_it=try_it(settings.stack, gateway.endpoint_url, model.served_name, _QUESTION),
    )


def _logs(cluster: ClusterSettings) -> str:
    return f"kubectl logs --namespace {cluster.namespace} --selector app.kubernetes.io/part-of=moorage --prefix"


def _namespace(cluster: ClusterSettings, parts: ClusterParts) -> pulumi.Output[str]:
    """All that is in it comes after `parts.needs`."""
    opts = pulumi.ResourceOptions.merge(parts.opts, pulumi.ResourceOptions(depends_on=list(parts.needs)))
    return KubernetesNamespace("namespace", {"namespace": cluster.namespace}, opts).name


def _network_policies_args(
    settings: Settings, parts: ClusterParts, namespace: pulumi.Output[str]
) -> NetworkPoliciesArgs:
    configuration, cluster = settings.configuration, settings.configuration.cluster
    args: NetworkPoliciesArgs = {
        "namespace": namespace,
        "models": [cast("ModelArgs", settings.given["model"])],
        "exposure": _exposure(cluster),
        "gateway_settings": configuration.gateway.settings,
        "prometheus_namespace": cluster.prometheus_namespace,
        "dns_addresses": [*parts.dns_addresses, *cluster.network.dns_addresses],
    }
    if parts.gateway_destinations:
        args["gateway_destinations"] = parts.gateway_destinations
    if cluster.network.clients is not None:
        args["clients"] = cast("ClientsArgs", cluster.network.clients.model_dump())
    if cluster.network.weights_cidrs is not None:
        args["weights_cidrs"] = cluster.network.weights_cidrs
    return args


def _exposure(cluster: ClusterSettings) -> "ExposureArgs":
    return cast("ExposureArgs", cluster.exposure.model_dump(exclude_unset=True))


def _engine_args(settings: Settings, parts: ClusterParts, namespace: pulumi.Output[str]) -> VllmDeploymentArgs:
    configuration, cluster = settings.configuration, settings.configuration.cluster
    model, facts = _model(configuration)
    args: VllmDeploymentArgs = {
        "namespace": namespace,
        "image": image_of(configuration, "engine"),
        "model": cast("ModelArgs", settings.given["model"]),
        "revision": revision_of(model),
        "placement": parts.placement,
        "load": cast("LoadArgs", settings.given.get("load", {})),
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "facts": cast("ModelFactsArgs", settings.given["model_facts"]),
        "gpu_memory_gib": parts.gpu_memory_gib,
        "tensor_parallel_size": parts.parallelism.tensor_parallel_size,
        "pipeline_parallel_size": parts.parallelism.pipeline_parallel_size,
        "replicas": configuration.least_replicas,
        "autoscaled": configuration.is_autoscaled,
        "allow_downtime": configuration.engine.allow_downtime,
        "service_account_name": _service_account(cluster, namespace, parts),
    }
    if configuration.engine.lora_rank is not None:
        args["lora_rank"] = configuration.engine.lora_rank
    if cluster.priority_class_name is not None:
        args["priority_class_name"] = cluster.priority_class_name
    if cluster.hugging_face_token is not None:
        args["hugging_face_token"] = _token(cluster.hugging_face_token, namespace, parts.opts)
    if isinstance(model.source, HubSource):
        args["model_cache"] = _model_cache(cluster, model, facts, namespace, parts.opts).volume
    return args


def _service_account(
    cluster: ClusterSettings, namespace: pulumi.Output[str], parts: ClusterParts
) -> pulumi.Output[str]:
    annotations = parts.service_account_annotations
    given = cluster.service_account_annotations if annotations is None else annotations
    return _create_service_account(ENGINE_SERVICE_ACCOUNT, ("vllm", "engine"), namespace, given, parts.opts)


def _create_service_account(
    name: str,
    labels: tuple[str, str],
    namespace: pulumi.Output[str],
    annotations: pulumi.Input[Mapping[str, str]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """`labels`: what its pods are, and which part of the stack."""
    application, component = labels
    account = core.v1.ServiceAccount(
        f"{name}-service-account",
        metadata={
            "name": name,
            "namespace": namespace,
            "labels": object_labels(name=application, instance=component, component=component),
            "annotations": annotations,
        },
        automount_service_account_token=False,
        opts=opts,
    )
    return account.metadata.apply(lambda created: str(created.name))


def _token(token: str, namespace: pulumi.Output[str], opts: pulumi.ResourceOptions) -> SecretKeyArgs:
    labels = object_labels(name="vllm", instance="engine", component="engine")
    metadata = {"name": "hugging-face", "namespace": namespace, "labels": labels}
    name = content_secret("hugging-face", metadata, {_TOKEN_KEY: pulumi.Output.secret(token)}, opts)
    return {"name": name, "key": _TOKEN_KEY}


def _model_cache(
    cluster: ClusterSettings,
    model: ModelSpec,
    facts: ModelFacts,
    namespace: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> ModelCache:
    args: ModelCacheArgs = {"namespace": namespace, "weights_gib": weights_gib_of(model, facts)}
    if cluster.storage_class_name is not None:
        args["storage_class_name"] = cluster.storage_class_name
    return ModelCache("models", args, opts)


def _autoscaler_args(
    configuration: Configuration,
    namespace: pulumi.Output[str],
    engine: VllmDeployment,
    addons: ClusterAddons | None,
) -> VllmAutoscalerArgs:
    """`Configuration` has seen to it that there is a Prometheus."""
    installed = "" if addons is None else addons.prometheus_url
    args: VllmAutoscalerArgs = {
        "namespace": namespace,
        "target": cast("pulumi.Output[ScaleTargetArgs]", engine.scale_target),
        "model": _model(configuration)[0].served_name,
        "max_num_seqs": max_num_seqs_of(configuration.load),
        "min_replicas": configuration.least_replicas,
        "max_replicas": configuration.replicas.max or _MAX_REPLICAS,
        "prometheus_url": configuration.cluster.prometheus_url or installed,
        "gateway_namespace": namespace,
    }
    if configuration.engine.idle_seconds is not None:
        args["idle_seconds"] = configuration.engine.idle_seconds
    return args


def _gateway_settings(configuration: Configuration) -> GatewaySettings:
    """Where engines come from zero, requests wait for a node, its image and the weights."""
    given = configuration.gateway.settings
    if configuration.least_replicas:
        return given
    return with_patience(given, NODE_SECONDS + startup_seconds_of(_model(configuration)[1]))


def _gateway_args(
    settings: Settings,
    parts: ClusterParts,
    namespace: pulumi.Output[str],
    engine: VllmDeployment,
    cache: KubernetesValkey,
) -> KubernetesGatewayArgs:
    configuration, chosen = settings.configuration, settings.configuration.gateway
    args: KubernetesGatewayArgs = {
        "namespace": namespace,
        "image": image_of(configuration, "gateway"),
        "upstreams": [engine.upstream, *parts.further_upstreams],
        "authentication": chosen.authentication,
        "settings": _gateway_settings(configuration),
        "redis_url": cache.url,
        "redis_ca_certificate": cache.ca_certificate,
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "exposure": _exposure(configuration.cluster),
    }
    if parts.further_upstreams:
        args["service_account_name"] = _create_service_account(
            GATEWAY_SERVICE_ACCOUNT, ("gateway", "gateway"), namespace, {}, parts.opts
        )
    if chosen.tenant is not None:
        args["tenant"] = chosen.tenant
    return args


def _model(configuration: Configuration) -> tuple[ModelSpec, ModelFacts]:
    """`Configuration` has seen to it that a stack in a cluster has both."""
    return cast("tuple[ModelSpec, ModelFacts]", (configuration.model, configuration.model_facts))
