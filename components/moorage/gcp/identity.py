"""What the pods of one workload may do on Google Cloud."""

from typing import TypedDict

import pulumi
from pulumi_gcp import serviceaccount
from pydantic import BaseModel, ConfigDict

from moorage.gcp.names import check_name
from moorage.gcp.project import Project
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"workload_pool", "namespace", "service_account"})
# docs.cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
_TAKE = "roles/iam.workloadIdentityUser"
_ANNOTATION = "iam.gke.io/gcp-service-account"


class GkeWorkloadIdentityArgs(TypedDict):
    """Whose pods. Service accounts have no labels on Google Cloud."""

    project: str
    """The project's id."""
    workload_pool: pulumi.Input[str]
    """As `GkeCluster` gives it."""
    namespace: pulumi.Input[str]
    """Of the pods."""
    service_account: pulumi.Input[str]
    """Of the pods, in Kubernetes. One workload has one of its own."""


class GkeWorkloadIdentity(pulumi.ComponentResource):
    """A Google service account of its own for one Kubernetes service account, which its pods take by Workload Identity.

    No other pods can take it, and there are no keys. It may do nothing until something, such as `GcsModelStore`, names
    it as a reader.
    """

    service_account_email: pulumi.Output[str]
    """Known when the pods may take it."""
    service_account_annotations: pulumi.Output[dict[str, str]]
    """For the Kubernetes service account: GKE finds the Google one by it."""

    def __init__(self, name: str, args: GkeWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:GkeWorkloadIdentity", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        spec = parse(_IdentitySpec, known, "")
        child = pulumi.ResourceOptions(parent=self)
        account = serviceaccount.Account(
            f"{name}-user",
            project=spec.project,
            account_id=f"{name}-user",
            display_name=f"Pods of {name}",
            opts=child,
        )
        taken = serviceaccount.IAMMember(
            f"{name}-pods",
            service_account_id=account.name,
            role=_TAKE,
            member=pulumi.Output.all(args["workload_pool"], args["namespace"], args["service_account"]).apply(
                lambda whose: workload_identity_member(*whose)
            ),
            opts=child,
        )
        self.service_account_email = pulumi.Output.all(account.email, taken.id).apply(lambda known: known[0])
        self.service_account_annotations = self.service_account_email.apply(lambda email: {_ANNOTATION: email})
        self.register_outputs(
            {
                "service_account_email": self.service_account_email,
                "service_account_annotations": self.service_account_annotations,
            }
        )


class _IdentitySpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    project: Project


def workload_identity_member(workload_pool: str, namespace: str, service_account: str) -> str:
    """One Kubernetes service account as a member of a policy of IAM."""
    return f"serviceAccount:{workload_pool}[{namespace}/{service_account}]"
