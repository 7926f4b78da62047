"""What the pods of one workload may do on AWS."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import eks, iam
from pydantic import BaseModel, ConfigDict

from moorage.aws.names import check_name
from moorage.aws.policy import pod_identity_trust, without_wildcards
from moorage.aws.propagation import Propagation
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"cluster_name", "cluster_arn", "namespace", "service_account", "policy"})
_PROPAGATION_SECONDS = 30
"""Until all of EKS knows an association, which is "eventually consistent, and may take several seconds to be effective"
(docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html, read 2026-11-26). A pod that comes
sooner gets no credentials, and never will, however often its containers start. Five to ten seconds were seen
(github.com/aws/eks-pod-identity-agent/issues/52), and nothing tells of it
(github.com/aws/containers-roadmap/issues/2507)."""


class EksWorkloadIdentityArgs(TypedDict):
    """Whose pods, and what they may."""

    cluster_name: pulumi.Input[str]
    """As `EksCluster` gives it."""
    cluster_arn: pulumi.Input[str]
    """The same."""
    namespace: pulumi.Input[str]
    """Of the pods."""
    service_account: pulumi.Input[str]
    """Of the pods. One workload has one of its own."""
    policy: pulumi.Input[str]
    """What they may: a policy document in JSON, such as `S3ModelStore.read_policy`. One with a wildcard for an action,
    or for a resource that is not inside a named one, is refused."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EksWorkloadIdentity(pulumi.ComponentResource):
    """A role of its own for one service account of one cluster, which its pods take by EKS Pod Identity.

    Nobody else can take it, not even another service account with an association to it. There are no keys. Pods that
    depend on it get it, for it is there only when EKS knows of it everywhere, half a minute later.
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EksWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:EksWorkloadIdentity", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        tags = parse(_IdentitySpec, known, "").tags
        child = pulumi.ResourceOptions(parent=self)
        whose = pulumi.Output.all(args["cluster_arn"], args["namespace"], args["service_account"])
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=whose.apply(lambda whose: pod_identity_trust(*whose)),
            tags=named(f"{name}-role", tags),
            opts=child,
        )
        policy = iam.RolePolicy(
            f"{name}-policy",
            role=role.id,
            policy=pulumi.Output.from_input(args["policy"]).apply(without_wildcards),
            opts=child,
        )
        association = eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args["cluster_name"],
            namespace=args["namespace"],
            service_account=args["service_account"],
            role_arn=role.arn,
            tags=named(f"{name}-association", tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        Propagation(f"{name}-propagation", association.id, _PROPAGATION_SECONDS, child)
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})


class _IdentitySpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tags: Tags = {}
