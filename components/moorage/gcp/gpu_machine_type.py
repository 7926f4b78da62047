"""Google Cloud's machines with GPUs, as GKE names their parts."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

# Names, counts and disks as GKE's own autoscaler has them (github.com/GoogleCloudPlatform/cluster-autoscaler at
# 7d25050, 2026-08-21, pkg/cloudprovider/gke/machinetypes/deprecated_machine_types_config.go; compared 2026-11-25).
# Fractions of a GPU (g4-standard-6 to -24) are not in it: a pod cannot ask for less than one `nvidia.com/gpu`.
_TABLE = "gpu_machine_types.csv"


@dataclass(frozen=True)
class GpuMachineType:
    """One row of the table."""

    instance_type: str
    """As the GPU catalogue names it; for a T4, which is added to a machine, `machine+count`."""
    machine_type: str
    accelerator_type: str
    accelerator_count: int
    local_ssd_count: int
    """Of 375 GB, or 3,000 GB on the newest: all that the machine comes with, or as many as are allowed."""
    local_ssd_is_bundled: bool
    """Whether it comes with them, whether they are asked for or not."""
    boot_disk_type: str


@cache
def gpu_machine_types() -> dict[str, GpuMachineType]:
    """By instance type."""
    text = (resources.files("moorage.gcp") / _TABLE).read_text(encoding="utf-8")
    return {row["instance_type"]: _machine_type(row) for row in csv.DictReader(text.splitlines())}


def _machine_type(row: dict[str, str]) -> GpuMachineType:
    return GpuMachineType(
        instance_type=row["instance_type"],
        machine_type=row["machine_type"],
        accelerator_type=row["accelerator_type"],
        accelerator_count=int(row["accelerator_count"]),
        local_ssd_count=int(row["local_ssd_count"]),
        local_ssd_is_bundled=row["local_ssd_is_bundled"] == "yes",
        boot_disk_type=row["boot_disk_type"],
    )
