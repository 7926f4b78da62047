"""How many engines there are."""

from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes import apiextensions, autoscaling

from moorage.kubernetes.autoscaler_objects import horizontal_pod_autoscaler, scaled_object
from moorage.kubernetes.autoscaler_spec import AutoscalerSpec, BusinessHoursArgs
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.manifest import Manifest
from moorage.spec.errors import Problem, SpecError
from moorage.spec.parsing import known_of, parse


class ScaleTargetArgs(TypedDict):
    """What is scaled, as `VllmDeployment` gives it."""

    api_version: str
    """Of the object."""
    kind: str
    """`Deployment` or `LeaderWorkerSet`."""
    name: str
    """Of the object."""


class VllmAutoscalerArgs(TypedDict):
    """What is scaled, by what, and how far."""

    namespace: pulumi.Input[str]
    """Of the engines, and of this component's objects."""
    target: pulumi.Input[ScaleTargetArgs]
    """The engines."""
    model: str
    """The name that clients ask for: the label `model_name` of the engines' metrics."""
    max_num_seqs: int
    """How many requests one replica computes at a time; half of them are what a replica is for."""
    min_replicas: int
    """0 where `gateway_namespace` names gateways that hold requests until an engine is up."""
    max_replicas: int
    """However much is asked for."""
    controller: NotRequired[str]
    """`keda`, or `hpa` for Kubernetes' own autoscaler on metrics of pods, which an adapter has to serve by vLLM's own
    names. Default: `keda`."""
    prometheus_url: NotRequired[pulumi.Input[str]]
    """Whom KEDA asks, `http://host:port`. Needed with `keda`."""
    gateway_namespace: NotRequired[pulumi.Input[str]]
    """Where the gateways are whose demand counts, waiting requests included. Default: engines' own metrics alone."""
    business_hours: NotRequired[BusinessHoursArgs]
    """When there are more than `min_replicas`, with `keda`. Default: never."""
    idle_seconds: NotRequired[int]
    """With `min_replicas` 0: how long after the last request no engine is left. Default: 1800."""


class VllmAutoscaler(pulumi.ComponentResource):
    """Scales engines by what they compute and have waiting, by their KV caches, and by what the gateways hold.

    Up within a minute; down after an hour in which an engine was never needed, by one in ten minutes; and not at all
    while Prometheus does not answer. Never by use of the GPU.
    """

    object_name: pulumi.Output[str]
    """Of the ScaledObject or HorizontalPodAutoscaler."""

    def __init__(self, name: str, args: VllmAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that contradict each other."""
        super().__init__("moorage:index:VllmAutoscaler", name, dict(args), opts)
        spec = _parse(args)
        labels = object_labels(name="vllm", instance=name, component="autoscaler")
        metadata: Manifest = {"name": name, "namespace": args["namespace"], "labels": labels}
        child = pulumi.ResourceOptions(parent=self)
        created = (
            self._create_scaled_object(name, spec, args, metadata, child)
            if spec.controller == "keda"
            else self._create_horizontal_pod_autoscaler(name, spec, args, metadata, child)
        )
        # Through the resource, so that whoever needs it waits for it.
        self.object_name = created.id.apply(lambda _: name)
        self.register_outputs({"object_name": self.object_name})

    def _create_scaled_object(
        self,
        name: str,
        spec: AutoscalerSpec,
        args: VllmAutoscalerArgs,
        metadata: Manifest,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.CustomResource:
        known = pulumi.Output.all(
            target=args["target"],
            namespace=args["namespace"],
            gateway_namespace=args.get("gateway_namespace"),
            prometheus_url=args.get("prometheus_url"),
        )
        manifest: Manifest = {
            "metadata": metadata,
            "spec": known.apply(
                lambda part: scaled_object(
                    spec,
                    cast("dict[str, str]", part["target"]),
                    namespace=cast("str", part["namespace"]),
                    gateway_namespace=cast("str | None", part["gateway_namespace"]),
                    prometheus_url=cast("str", part["prometheus_url"]),
                )
            ),
        }
        return apiextensions.CustomResource(
            f"{name}-scaled-object", api_version="keda.sh/v1alpha1", kind="ScaledObject", opts=opts, **manifest
        )

    def _create_horizontal_pod_autoscaler(
        self,
        name: str,
        spec: AutoscalerSpec,
        args: VllmAutoscalerArgs,
        metadata: Manifest,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.CustomResource:
        target = pulumi.Output.from_input(args["target"])
        manifest: Manifest = {
            "metadata": metadata,
            "spec": target.apply(lambda target: horizontal_pod_autoscaler(spec, cast("dict[str, str]", target))),
        }
        return autoscaling.v2.HorizontalPodAutoscaler(f"{name}-autoscaler", opts=opts, **manifest)


def _parse(args: VllmAutoscalerArgs) -> AutoscalerSpec:
    spec = parse(AutoscalerSpec, {**known_of(AutoscalerSpec, args), "has_gateway": "gateway_namespace" in args}, "")
    if spec.controller == "keda" and "prometheus_url" not in args:
        raise SpecError(
            [Problem("prometheus_url", ": is missing; must be where KEDA asks, like http://prometheus:9090")]
        )
    return spec
