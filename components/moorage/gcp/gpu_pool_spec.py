"""What a user may say of GPU nodes on Google Cloud, validated: pure."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from moorage.gcp.gpu_machine_type import GpuMachineType, gpu_machine_types
from moorage.gcp.labels import Labels
from moorage.gcp.project import ZoneName
from moorage.gcp.spot_termination import termination_notice_seconds
from moorage.kubernetes.placement import PoolKind
from moorage.planner.availability import gcp_region_of
from moorage.spec.numbers import WholeNumber
from moorage.spec.wording import suggestion

CapacityType = Literal["reservation", "on-demand", "flex-start", "spot"]

# A reservation of another project is named in full
# (docs.cloud.google.com/ai-hypercomputer/docs/create/gke-ai-hypercompute-custom, read 2026-11-25).
_RESERVATION = re.compile(r"(projects/(?P<project>[a-z0-9-]+)/reservations/)?(?P<name>[a-z]([a-z0-9-]{0,61}[a-z0-9])?)")
# The vLLM image is about 10 GB, unpacked 25 GB; Google wants 10 GB for the system itself.
_MIN_BOOT_DISK_GB = 50


class PoolRung(BaseModel):
    """One kind of node, and one way to get it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    instance_type: str
    capacity_type: CapacityType

    @field_validator("instance_type")
    @classmethod
    def _is_known(cls, instance_type: str) -> str:
        known = list(gpu_machine_types())
        if instance_type not in known:
            raise ValueError(f"must be one of {', '.join(known)}{suggestion(instance_type, known)}")
        return instance_type

    @property
    def machine(self) -> GpuMachineType:
        return gpu_machine_types()[self.instance_type]


class Reservation(BaseModel):
    """Which one, and whose."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    project: str | None
    """None: the cluster's."""

    @property
    def reference(self) -> str:
        """As a node pool takes it."""
        return self.name if self.project is None else f"projects/{self.project}/reservations/{self.name}"


def _parsed_reservation(text: object) -> Reservation:
    match = _RESERVATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be a reservation's name, or projects/PROJECT/reservations/NAME")
    return Reservation(name=match["name"], project=match["project"])


class GpuNodesSpec(BaseModel):
    """What `GkeGpuPool` and `GkeComputeClass` are told alike, of what is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    zones: Sequence[ZoneName] = Field(min_length=1)
    rungs: Sequence[PoolRung]
    reservations: Mapping[str, Annotated[Reservation, BeforeValidator(_parsed_reservation)]] = Field(
        default_factory=dict[str, Reservation], validate_default=True
    )
    boot_disk_gb: WholeNumber = Field(default=200, ge=_MIN_BOOT_DISK_GB)
    extended_spot_termination: bool = True

    @field_validator("zones")
    @classmethod
    def _of_one_region(cls, zones: Sequence[str]) -> Sequence[str]:
        if len({gcp_region_of(zone) for zone in zones}) > 1 or len(set(zones)) < len(zones):
            raise ValueError("must be zones of one region, each once")
        return zones

    @field_validator("rungs")
    @classmethod
    def _each_once(cls, rungs: Sequence[PoolRung]) -> Sequence[PoolRung]:
        if not rungs or len(set(rungs)) < len(rungs):
            raise ValueError("must be at least one rung, and no two the same")
        return rungs

    @field_validator("reservations")
    @classmethod
    def _for_rungs(cls, reservations: Mapping[str, Reservation], info: ValidationInfo) -> Mapping[str, Reservation]:
        rungs = cast("Sequence[PoolRung]", info.data.get("rungs", ()))
        wanted = {rung.instance_type for rung in rungs if rung.capacity_type == "reservation"}
        if "rungs" in info.data and wanted != set(reservations):
            needed = ", ".join(sorted(wanted)) or "no instance type"
            raise ValueError(f"must have a reservation for {needed}, as rungs say, and for no other")
        return reservations

    @property
    def termination_notice_seconds(self) -> int | None:
        """None: no rung is spot."""
        if all(rung.capacity_type != "spot" for rung in self.rungs):
            return None
        return termination_notice_seconds(extended=self.extended_spot_termination)


class GpuPoolSpec(GpuNodesSpec):
    """The plain arguments of `GkeGpuPool`, validated."""

    min_node_count: WholeNumber = Field(default=0, ge=0)
    max_node_count: WholeNumber = Field(ge=1)
    labels: Labels = {}

    @model_validator(mode="after")
    def _one_node_pool(self) -> "GpuPoolSpec":
        if len(self.rungs) > 1:
            raise ValueError(
                f"rungs: has {len(self.rungs)} rungs; a node pool has one machine type and one way to get it: "
                "give one rung, or use GkeComputeClass, which tries one after the other"
            )
        if self.rung.capacity_type == "reservation" and len(self.zones) > 1:
            raise ValueError(f"zones = {', '.join(self.zones)}: must be the one zone that the reservation is in")
        if self.rung.capacity_type == "flex-start" and self.min_node_count > 0:
            raise ValueError(f"min_node_count = {self.min_node_count}: must be 0, as flex-start begins with no node")
        if self.initial_node_count * len(self.zones) > self.max_node_count:
            started = f"{self.initial_node_count * len(self.zones)} in {len(self.zones)} zones"
            raise ValueError(
                f"max_node_count = {self.max_node_count}: must be at least the nodes that "
                f"min_node_count = {self.min_node_count} starts, {started}"
            )
        return self

    @property
    def rung(self) -> PoolRung:
        return self.rungs[0]

    @property
    def initial_node_count(self) -> int:
        """In each zone: GKE starts as many in one as in the other."""
        return math.ceil(self.min_node_count / len(self.zones))

    @property
    def pool_kind(self) -> PoolKind:
        """Fixed where a rollout finds no node more than there are."""
        reserved = self.rung.capacity_type == "reservation"
        return "fixed" if reserved or self.min_node_count == self.max_node_count else "elastic"


class ComputeClassSpec(GpuNodesSpec):
    """The plain arguments of `GkeComputeClass`, validated."""

    secure_boot: bool = False

    @property
    def pool_kind(self) -> PoolKind:
        """Fixed where all there is is reserved."""
        return "fixed" if all(rung.capacity_type == "reservation" for rung in self.rungs) else "elastic"
