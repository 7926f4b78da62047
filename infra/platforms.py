"""The table cloud by option: which platforms there are, and which keys of the configuration have a meaning on each."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One way to run a stack."""

    name: str
    required: tuple[str, ...] = ()
    """Keys that a stack's file must have."""
    optional: tuple[str, ...] = ()
    """Keys that it may have, besides those that every platform has."""
    images: tuple[str, ...] = ()
    """Which it runs, out of `images`."""
    in_cluster: bool = False
    """Whether the engines are a Kubernetes cluster's."""
    has_network: bool = True
    """Whether it is in a network of its own, with zones."""

    @property
    def keys(self) -> frozenset[str]:
        """All that are not every platform's."""
        return frozenset({*self.required, *self.optional})


_SERVED = ("model", "model_facts", "images")
_IMAGES = ("engine", "gateway", "cache")
_IN_CLUSTER = ("replicas", "cluster", "monitoring")
_BEHIND_GATEWAYS = ("replicas", "load_balancer", "edge", "cloudwatch", "jobs")
PROCESS = Platform("process", optional=("model", "model_facts", "tiny_model"))
KUBERNETES = Platform(
    "kubernetes", (*_SERVED, "cluster", "nodes"), ("replicas", "monitoring"), _IMAGES, in_cluster=True
)
EKS = Platform("eks", (*_SERVED, "aws"), (*_IN_CLUSTER, "pool", "failover", "cloudwatch"), _IMAGES, in_cluster=True)
LAMBDA = Platform("lambda", (*_SERVED, "aws"), ("cloudwatch", "function", "jobs"), ("engine",), has_network=False)
SAGEMAKER = Platform("sagemaker", (*_SERVED, "aws"), (*_BEHIND_GATEWAYS, "pool"), ("gateway",))
ECS = Platform("ecs", (*_SERVED, "aws"), (*_BEHIND_GATEWAYS, "pool"), ("engine", "gateway"))
FARGATE = Platform("fargate", (*_SERVED, "aws"), (*_BEHIND_GATEWAYS, "fargate"), ("engine", "gateway"))
GKE = Platform("gke", (*_SERVED, "gcp"), (*_IN_CLUSTER, "pool"), _IMAGES, in_cluster=True)

PLATFORMS: Mapping[tuple[str, str], tuple[Platform, ...]] = {
    ("local", "always-on"): (PROCESS,),
    ("local", "serverless"): (PROCESS,),
    ("kubernetes", "always-on"): (KUBERNETES,),
    ("kubernetes", "serverless"): (KUBERNETES,),
    ("aws", "always-on"): (EKS, ECS, FARGATE),
    ("aws", "serverless"): (LAMBDA,),
    ("aws", "managed"): (SAGEMAKER,),
    ("gcp", "always-on"): (GKE,),
}
"""By cloud and option; the first is taken where a stack names none."""


def platform_of(cloud: str, option: str, name: str | None) -> Platform | None:
    """The one that a stack names, or the usual one; None where there is none such."""
    found = PLATFORMS.get((cloud, option), ())
    return next((platform for platform in found if name in (None, platform.name)), None)


def clouds_with(key: str) -> frozenset[str]:
    """Those on one of whose platforms a key has a meaning."""
    return frozenset(cloud for (cloud, _), found in PLATFORMS.items() for platform in found if key in platform.keys)


LIMITED_KEYS = frozenset(key for found in PLATFORMS.values() for platform in found for key in platform.keys)
"""All that have a meaning on some platforms only, or must be there."""
