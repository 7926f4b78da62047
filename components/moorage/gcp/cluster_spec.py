"""What a user may say of a cluster on Google Cloud, validated: pure."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from moorage.gcp.guarded_spec import GuardedSpec
from moorage.gcp.private_network import private_network
from moorage.spec.numbers import WholeNumber


class ClusterSpec(GuardedSpec):
    """The plain arguments of `GkeCluster`, validated."""

    release_channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"] = "REGULAR"
    control_plane_access: Literal["private", "dns"] = "private"
    authorized_networks: Mapping[str, str] = {}
    system_machine_type: str = "e2-standard-4"
    system_min_node_count: WholeNumber = Field(default=2, ge=1)
    system_max_node_count: WholeNumber = Field(default=6, ge=1)

    @field_validator("authorized_networks")
    @classmethod
    def _private_networks(cls, networks: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if networks and info.data.get("control_plane_access") == "dns":
            raise ValueError("must be left out with control_plane_access = dns, which IAM guards and no address")
        for name, block in networks.items():
            try:
                private_network(block)
            except ValueError as error:
                raise ValueError(f"{name} = {block}: {error}; the control plane has no public address") from None
        return networks

    @model_validator(mode="after")
    def _system_nodes(self) -> "ClusterSpec":
        if self.system_min_node_count > self.system_max_node_count:
            limit = f"system_max_node_count = {self.system_max_node_count}"
            raise ValueError(f"system_min_node_count = {self.system_min_node_count}: must be at most {limit}")
        return self

    @property
    def workload_pool(self) -> str:
        """Whose members the cluster's workloads are."""
        return f"{self.project}.svc.id.goog"
