"""The gateway in a cluster."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes import apiextensions, apps, autoscaling, core, policy

from moorage.credentials.api_key import ApiKey
from moorage.kubernetes.content_config_map import content_config_map
from moorage.kubernetes.content_name import Content
from moorage.kubernetes.content_secret import content_secret
from moorage.kubernetes.gateway_objects import CA_NAME, DOCUMENT_NAME, GatewayObjects, GatewayPodParts
from moorage.kubernetes.gateway_spec import ExposureArgs, GatewaySpec
from moorage.kubernetes.gke_gateway_objects import API_VERSION, gke_policies
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.gateway_document import Key, Upstream, generated_key, render_gateway_document
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse

_HTTPS_PORT = 443
_REDIS_URL_VARIABLE = "MOORAGE_REDIS_URL"


class KubernetesGatewayArgs(TypedDict):
    """Which engines it stands before, and how clients reach it."""

    namespace: pulumi.Input[str]
    """Where all of its objects are."""
    image: str
    """The serving image by its digest, `name@sha256:…`."""
    upstreams: Sequence[pulumi.Input[Upstream]]
    """The engines, in the order in which they are tried. A change rolls the pods."""
    authentication: str
    """`api_keys`, with one generated key, or `none`, which is for `exposure` `cluster` alone."""
    settings: NotRequired[GatewaySettings]
    """What else its document says: tenants, further keys, the cache and so on. A change rolls the pods. Without Redis
    limits are counted as if `max_replicas` gateways were up, unless `quotas.gateway_replicas` says otherwise. Default:
    nothing."""
    tenant: NotRequired[str]
    """The tenant of the generated key, out of the settings' tenants. Default: one of its own, without limits."""
    redis_url: NotRequired[pulumi.Input[str]]
    """Redis or Valkey, as `KubernetesValkey` gives it. Default: none; each process counts limits for itself."""
    redis_ca_certificate: NotRequired[pulumi.Input[str]]
    """In PEM: who has signed the certificate of a `rediss://` server. Default: an authority that the image trusts."""
    secret_environment: NotRequired[Content]
    """Variables that the document refers to, such as engines' tokens. Kept in a Secret. Default: none."""
    service_account_name: NotRequired[pulumi.Input[str]]
    """For clouds' identities, where engines are behind SageMaker or Vertex AI. Default: the namespace's own."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long open requests may take to end when a pod is stopped. Default: that of `moorage.spec.ServiceLevel`."""
    cpu: NotRequired[float]
    """Of each pod; one process for each whole one. Default: 1."""
    min_replicas: NotRequired[int]
    """Default: 2."""
    max_replicas: NotRequired[int]
    """More pods come when those that are there use 60 % of their CPU. Default: 10."""
    exposure: NotRequired[ExposureArgs]
    """Default: from inside the cluster alone."""


class KubernetesGateway(pulumi.ComponentResource):
    """The OpenAI endpoint: at least two pods before any number of engines.

    Every change of the configuration makes a new ConfigMap, so that old pods keep the old one until they have drained.
    """

    endpoint_url: pulumi.Output[str]
    """What an OpenAI client takes as `base_url`, ending in `/v1`."""
    api_key: pulumi.Output[str]
    """The generated key, a secret; an empty string where `authentication` is `none`."""
    metrics_url: pulumi.Output[str]
    """Prometheus metrics of one of the pods, from inside the cluster."""

    def __init__(self, name: str, args: KubernetesGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that cannot be served."""
        super().__init__("moorage:index:KubernetesGateway", name, dict(args), opts)
        spec = parse(GatewaySpec, {**known_of(GatewaySpec, args), "has_redis": "redis_url" in args}, "")
        objects = GatewayObjects(name, args["namespace"], spec)
        key = ApiKey(f"{name}-key", self._child()) if spec.authentication == "api_keys" else None
        self._create_pods(objects, args, key)
        service = core.v1.Service(f"{name}-service", opts=self._child(), **objects.service())
        if spec.exposure.kind == "http-route":
            self._create_route(objects)
        inside = pulumi.Output.concat("http://", name, ".", args["namespace"], f".svc:{objects.service_port}")
        self.endpoint_url = pulumi.Output.concat(_address(spec, service) or inside, "/v1")
        self.api_key = key.key if key else pulumi.Output.secret("")
        self.metrics_url = pulumi.Output.concat(inside, "/metrics")
        self.register_outputs(
            {"endpoint_url": self.endpoint_url, "api_key": self.api_key, "metrics_url": self.metrics_url}
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _create_pods(self, objects: GatewayObjects, args: KubernetesGatewayArgs, key: ApiKey | None) -> None:
        name, files, environment = objects.name, _files(args, objects.spec, key), _secret_environment(args)
        parts = GatewayPodParts(
            configuration=content_config_map(
                f"{name}-configuration", objects.metadata("configuration"), files, self._child()
            ),
            environment_secret=None
            if environment is None
            else content_secret(f"{name}-environment", objects.metadata("environment"), environment, self._child()),
            service_account_name=args.get("service_account_name"),
            has_redis_ca=CA_NAME in files,
        )
        apps.v1.Deployment(f"{name}-deployment", opts=self._child(), **objects.deployment(parts))
        autoscaling.v2.HorizontalPodAutoscaler(f"{name}-autoscaler", opts=self._child(), **objects.autoscaler())
        policy.v1.PodDisruptionBudget(f"{name}-disruption-budget", opts=self._child(), **objects.disruption_budget())

    def _create_route(self, objects: GatewayObjects) -> None:
        apiextensions.CustomResource(
            f"{objects.name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            opts=self._child(),
            **objects.http_route(),
        )
        if objects.spec.exposure.gateway_controller == "gke":
            for kind, policy_of_service in gke_policies(objects).items():
                suffix = "backend-policy" if kind == "GCPBackendPolicy" else "health-check"
                apiextensions.CustomResource(
                    f"{objects.name}-{suffix}",
                    api_version=API_VERSION,
                    kind=kind,
                    opts=self._child(),
                    **policy_of_service,
                )


def _files(args: KubernetesGatewayArgs, spec: GatewaySpec, key: ApiKey | None) -> Mapping[str, pulumi.Input[str]]:
    """What a pod reads; none of it is a secret."""
    files: dict[str, pulumi.Input[str]] = {DOCUMENT_NAME: _document(args, spec, key)}
    if "redis_ca_certificate" in args:
        files[CA_NAME] = args["redis_ca_certificate"]
    return files


def _secret_environment(args: KubernetesGatewayArgs) -> Content | None:
    given = args.get("secret_environment")
    if "redis_url" not in args:
        return given
    both = pulumi.Output.all(given=given or {}, redis_url=args["redis_url"])
    return both.apply(
        lambda part: {**cast("Mapping[str, str]", part["given"]), _REDIS_URL_VARIABLE: cast("str", part["redis_url"])}
    )


def _document(args: KubernetesGatewayArgs, spec: GatewaySpec, key: ApiKey | None) -> pulumi.Output[str]:
    parts = pulumi.Output.all(upstreams=args["upstreams"], keys=_keys(key, spec.tenant))
    return parts.apply(
        lambda part: render_gateway_document(
            cast("list[Upstream]", part["upstreams"]),
            cast("list[Key]", part["keys"]),
            spec.authentication,
            None,
            spec.document_settings,
            redis_url_environment_variable=_REDIS_URL_VARIABLE if spec.has_redis else None,
        )
    )


def _keys(key: ApiKey | None, tenant: str | None) -> pulumi.Output[list[Key]] | list[Key]:
    return pulumi.Output.unsecret(key.key).apply(lambda value: [generated_key(value, tenant)]) if key else []


def _address(spec: GatewaySpec, service: core.v1.Service) -> pulumi.Output[str] | str | None:
    """Where clients outside of the cluster find it; None where there are none."""
    match spec.exposure.kind:
        case "http-route":
            return f"https://{spec.exposure.hostname}"
        case "load-balancer":
            return service.status.apply(lambda status: _balancer_address(status, spec.exposure.port))
        case "cluster":
            return None


def _balancer_address(status: core.v1.outputs.ServiceStatus | None, port: int) -> str:
    found = status.load_balancer.ingress if status and status.load_balancer else None
    if not found:
        raise pulumi.RunError("the gateway's balancer has got no address: `kubectl describe service` says why")
    scheme, usual = ("https", _HTTPS_PORT) if port == _HTTPS_PORT else ("http", 80)
    return f"{scheme}://{found[0].hostname or found[0].ip}{'' if port == usual else f':{port}'}"
