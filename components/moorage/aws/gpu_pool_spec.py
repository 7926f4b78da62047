"""What a user may say of a pool of GPU nodes, validated: pure."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.tags import Tags
from moorage.spec.numbers import WholeNumber

# github.com/kubernetes-sigs/karpenter, pkg/apis/crds/karpenter.sh_nodepools.yaml at v1.14.0: spec.weight.
MAX_RUNGS = 100
# A node pool's name is a label's value on its nodes.
_MAX_NODE_POOL_NAME_LENGTH = 63
# Those with GPUs of NVIDIA beside x86 processors, read 2026-11-25 on
# docs.aws.amazon.com/eks/latest/userguide/automode-learn-instances.html#auto-supported-instances
_AUTO_MODE_FAMILIES = (
    *("g4dn", "g5", "g6", "g6e", "g7e", "gr6"),
    *("p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300"),
)
_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_CAPACITY_RESERVATION = re.compile(r"cr-[0-9a-f]{8,}")
_AMI_VERSION = re.compile(r"v\d{8}")
# Above any answer; and with the age at which a node goes, below the one at which Auto Mode takes it away.
_MAX_DRAIN_SECONDS = 4 * 3600


def launched_by_auto_mode(instance_type: str) -> bool:
    """Whether EKS Auto Mode has it, of the types with GPUs."""
    return instance_type.partition(".")[0] in _AUTO_MODE_FAMILIES


def _checked_instance_type(instance_type: str) -> str:
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        raise ValueError("must be an instance type of EC2, such as g6e.xlarge")
    return instance_type


def _checked_reservation(identifier: str) -> str:
    if not _CAPACITY_RESERVATION.fullmatch(identifier):
        raise ValueError("must be the id of a capacity reservation or capacity block, such as cr-0123456789abcdef0")
    return identifier


InstanceType = Annotated[str, AfterValidator(_checked_instance_type)]
CapacityReservation = Annotated[str, AfterValidator(_checked_reservation)]


class PoolRung(BaseModel):
    """One kind of node that a pool may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    instance_type: InstanceType
    capacity_type: Literal["reservation", "on-demand", "spot"]

    @property
    def key(self) -> str:
        """Its part of a name."""
        return f"{self.instance_type.replace('.', '-')}-{self.capacity_type}"


class GpuPoolSpec(BaseModel):
    """The arguments of `EksGpuPool` that are known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """The component's."""
    provisioner: Literal["auto-mode", "karpenter"] = "auto-mode"
    ami_version: str | None = Field(default=None, validate_default=True)
    capacity_reservation_ids: Sequence[CapacityReservation] = ()
    rungs: Sequence[PoolRung]
    max_gpus: WholeNumber = Field(ge=1)
    drain_seconds: WholeNumber = Field(ge=1, le=_MAX_DRAIN_SECONDS)
    ephemeral_storage_gib: WholeNumber = Field(default=80, ge=20)
    tags: Tags = {}

    @field_validator("ami_version")
    @classmethod
    def _karpenters(cls, version: str | None, info: ValidationInfo) -> str | None:
        if "provisioner" in info.data and (info.data["provisioner"] == "karpenter") != (version is not None):
            raise ValueError("goes with provisioner = karpenter, which needs it; EKS Auto Mode chooses its own")
        if version is not None and not _AMI_VERSION.fullmatch(version):
            raise ValueError("must be a version of the Amazon Linux 2023 AMI for EKS, such as v20250920")
        return version

    @field_validator("rungs")
    @classmethod
    def _a_ladder(cls, rungs: Sequence[PoolRung], info: ValidationInfo) -> Sequence[PoolRung]:
        keys = [rung.key for rung in rungs]
        if not 1 <= len(keys) <= MAX_RUNGS or len(set(keys)) < len(keys):
            raise ValueError(f"must be 1 to {MAX_RUNGS} rungs, no two the same")
        longest = max(len(f"{info.data.get('name', '')}-{key}") for key in keys)
        if longest > _MAX_NODE_POOL_NAME_LENGTH:
            raise ValueError(f"a node pool's name would have {longest} of {_MAX_NODE_POOL_NAME_LENGTH} characters")
        reserved = any(rung.capacity_type == "reservation" for rung in rungs)
        if "capacity_reservation_ids" in info.data and reserved != bool(info.data["capacity_reservation_ids"]):
            raise ValueError("capacity_reservation_ids and a rung with capacity_type = reservation need each other")
        return rungs

    @field_validator("rungs")
    @classmethod
    def _launched_by_auto_mode(cls, rungs: Sequence[PoolRung], info: ValidationInfo) -> Sequence[PoolRung]:
        absent = (rung.instance_type for rung in rungs if not launched_by_auto_mode(rung.instance_type))
        strange = sorted({instance_type.partition(".")[0] for instance_type in absent})
        if strange and info.data.get("provisioner") == "auto-mode":
            known = ", ".join(_AUTO_MODE_FAMILIES)
            raise ValueError(f"EKS Auto Mode launches no {', '.join(strange)} with GPUs; must be of {known}")
        return rungs

    @property
    def only_reserved(self) -> bool:
        return all(rung.capacity_type == "reservation" for rung in self.rungs)

    @property
    def with_spot(self) -> bool:
        return any(rung.capacity_type == "spot" for rung in self.rungs)
