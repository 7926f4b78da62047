"""vLLM in a cluster."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, policy

from moorage.kubernetes.placement import PlacementArgs
from moorage.kubernetes.vllm_objects import VllmObjects
from moorage.kubernetes.vllm_pod import PORT, VllmPodParts
from moorage.kubernetes.vllm_spec import VllmSpec
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Activation, Upstream
from moorage.spec.parsing import known_of, parse


class SecretKeyArgs(TypedDict):
    """One key of a Secret in the engine's namespace."""

    name: pulumi.Input[str]
    """Of the Secret."""
    key: str
    """In the Secret."""


class ScaleTarget(TypedDict):
    """What an autoscaler scales."""

    api_version: str
    """Of the object."""
    kind: str
    """`Deployment` or `LeaderWorkerSet`."""
    name: str
    """Of the object."""


class VllmDeploymentArgs(TypedDict):
    """What is served, on which nodes, and how it is replaced."""

    namespace: pulumi.Input[str]
    """Where all of its objects are."""
    image: str
    """vLLM's image for CUDA by its digest, `vllm/vllm-openai@sha256:…`."""
    model: ModelArgs
    """From the Hub, a bucket, or a folder inside of the image."""
    revision: str
    """Which weights these are; another one means new pods."""
    placement: PlacementArgs
    """As a pool of GPU nodes gives it."""
    load: NotRequired[LoadArgs]
    """Of one replica. Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long a pod that is stopped finishes its requests. Default: that of `moorage.spec.ServiceLevel`."""
    facts: NotRequired[ModelFactsArgs]
    """What is known of the model. Default: nothing; then whether it fits is only known when it has started."""
    gpu_memory_gib: NotRequired[float]
    """What torch sees of one GPU. With `facts`, a model that does not fit is refused. Default: not known."""
    tensor_parallel_size: NotRequired[int]
    """GPUs of each pod. Default: 1."""
    pipeline_parallel_size: NotRequired[int]
    """Nodes of each replica; more than one need LeaderWorkerSet in the cluster. Default: 1."""
    replicas: NotRequired[int]
    """How many, or the fewest where it is autoscaled. Default: 1."""
    autoscaled: NotRequired[bool]
    """Whether an autoscaler decides how many there are. Default: no."""
    max_surge: NotRequired[int]
    """How many replicas more than wanted a rollout may have. Default: 1 on an elastic pool, none on a fixed one."""
    allow_downtime: NotRequired[bool]
    """Whether the only replica may be stopped before its successor starts. Default: no."""
    lora_rank: NotRequired[int]
    """The highest rank among the adapters. Default: vLLM's own, 16."""
    service_account_name: NotRequired[pulumi.Input[str]]
    """Whose cloud identity reads the bucket. Default: the namespace's own, which has none."""
    hugging_face_token: NotRequired[SecretKeyArgs]
    """For models that the Hub gives to some only. Default: none."""
    model_cache: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, str]]]]]
    """Where a Hub's model is kept, as `ModelCache` gives it. Default: on the node, for as long as the pod lives."""
    priority_class_name: NotRequired[pulumi.Input[str]]
    """Default: the cluster's own."""


class VllmDeployment(pulumi.ComponentResource):
    """vLLM engines of one model behind one name, on GPU nodes.

    A change of model, revision or arguments rolls the pods: on an elastic pool the new one is ready before an old one
    drains, on a fixed one an old one makes room first.
    """

    upstream: pulumi.Output[Upstream]
    """What a gateway has to know."""
    scale_target: pulumi.Output[ScaleTarget]
    """What an autoscaler has to know."""

    def __init__(self, name: str, args: VllmDeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what cannot be served, with the numbers and what would work."""
        super().__init__("moorage:index:VllmDeployment", name, dict(args), opts)
        spec = parse(VllmSpec, known_of(VllmSpec, args), "")
        spec.check()
        objects = VllmObjects(name, args["namespace"], spec, _parts(args))
        self._warn_of_short_notice(spec)
        self._create_pods(objects)
        core.v1.Service(f"{name}-service", opts=self._child(), **objects.service())
        policy.v1.PodDisruptionBudget(f"{name}-disruption-budget", opts=self._child(), **objects.disruption_budget())
        address = pulumi.Output.concat("http://", name, ".", args["namespace"], f".svc:{PORT}")
        self.upstream = address.apply(lambda address: _upstream(name, address, spec))
        api_version, kind = objects.kind
        self.scale_target = pulumi.Output.from_input(ScaleTarget(api_version=api_version, kind=kind, name=name))
        self.register_outputs({"upstream": self.upstream, "scale_target": self.scale_target})

    def _create_pods(self, objects: VllmObjects) -> None:
        ignored = ["spec.replicas"] if objects.spec.autoscaled else []
        opts = pulumi.ResourceOptions(parent=self, ignore_changes=ignored)
        if not objects.is_grouped:
            apps.v1.Deployment(f"{objects.name}-deployment", opts=opts, **objects.deployment())
            return
        api_version, kind = objects.kind
        apiextensions.CustomResource(
            f"{objects.name}-groups", api_version=api_version, kind=kind, opts=opts, **objects.leader_worker_set()
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _warn_of_short_notice(self, spec: VllmSpec) -> None:
        wanted, possible = spec.wanted_drain, spec.drain
        if possible != wanted:
            pulumi.log.warn(
                f"the nodes are taken away after {possible.grace_seconds} seconds: requests have "
                f"{possible.shutdown_timeout_seconds} of the {wanted.shutdown_timeout_seconds} seconds of "
                "service_level.p99_request_seconds to finish; the gateway tries those without a first token elsewhere",
                self,
            )


def _parts(args: VllmDeploymentArgs) -> VllmPodParts:
    return VllmPodParts(
        service_account_name=args.get("service_account_name"),
        priority_class_name=args.get("priority_class_name"),
        hugging_face_token=args.get("hugging_face_token"),
        model_cache=args.get("model_cache"),
    )


def _upstream(name: str, address: str, spec: VllmSpec) -> Upstream:
    upstream = Upstream(
        name=name,
        kind="openai-http",
        address=address,
        discovery="dns",
        model=spec.model.served_name,
        revision=spec.revision,
        max_concurrent_requests=spec.max_num_seqs,
    )
    if spec.scales_to_zero:
        upstream["activation"] = Activation()
    return upstream
