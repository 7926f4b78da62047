"""What a worker of jobs on Fargate is asked to be, validated, and what follows from it."""

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from moorage.aws.container_definition import Container, HealthCheck
from moorage.aws.fargate_size import MOST_STOP_SECONDS, FargateSize, fargate_size
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.kubernetes.image import PinnedImage
from moorage.spec.numbers import WholeNumber, not_below
from moorage.spec.service_level import ServiceLevel

API_KEY_VARIABLE = "MOORAGE_API_KEY"
_METRICS_PORT = 9464
_VCPUS, _MEMORY_MIB = 0.5, 1024
"""A worker waits for others nearly all of the time."""
_GIVE_BACK_SECONDS = 20
"""For what is not done by the end of the drain: two calls to AWS for each job, all at one time, each with up to ten
seconds to connect (`moorage_serving.jobs.connections`)."""
_MOST_SILENT_SECONDS = 30
# The image has Python and no curl. A worker whose loop stands still no longer renews what it holds.
_HEALTH = (
    "import time; from urllib import request; "
    f"text = request.urlopen('http://127.0.0.1:{_METRICS_PORT}/metrics', timeout=4).read().decode(); "
    "beat = float(text.split('\\nmoorage_worker_beat_timestamp_seconds ')[1].split()[0]); "
    f"raise SystemExit(time.time() - beat > {_MOST_SILENT_SECONDS})"
)
_TEMPORARY = "tmp"


class FargateWorkerSpec(BaseModel):
    """What `FargateWorkerArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    image: PinnedImage
    tenant: str | None = None
    service_level: ServiceLevel = ServiceLevel()
    concurrency: WholeNumber = Field(default=16, ge=1, le=256)
    min_replicas: WholeNumber = Field(default=1, ge=0)
    max_replicas: WholeNumber = Field(default=4, ge=1)
    architecture: Literal["arm64", "x86_64"] = "x86_64"
    log_retention_days: RetentionDays = 90
    tags: Tags = Field(default_factory=dict)

    _not_below_min = field_validator("max_replicas")(not_below("min_replicas"))

    @property
    def drain_seconds(self) -> int:
        """As long as nearly every job takes, and no longer than Fargate waits; the rest is given back."""
        return min(math.ceil(self.service_level.p99_request_seconds), MOST_STOP_SECONDS - _GIVE_BACK_SECONDS)

    @property
    def stop_seconds(self) -> int:
        """Between the stop signal and the kill."""
        return self.drain_seconds + _GIVE_BACK_SECONDS

    @property
    def jobs_per_worker(self) -> int:
        """That are worked on or wait: as many wait as a worker has, so that none is without work between two looks."""
        return 2 * self.concurrency

    @property
    def size(self) -> FargateSize:
        """The smallest."""
        found = fargate_size(_VCPUS, _MEMORY_MIB)
        if found is None:
            raise AssertionError("the smallest size of Fargate is not among its sizes")
        return found

    def container(self, place: Mapping[str, str], log_group: str, secrets: Mapping[str, str]) -> Container:
        """The task's one container. `place`: the variables that say where the jobs and the gateways are."""
        return Container(
            name="worker",
            image=self.image,
            entry_point=("python", "-m", "moorage_serving.jobs"),
            command=self.command,
            port=_METRICS_PORT,
            health_check=HealthCheck(("python", "-c", _HEALTH), 10, 5, 3, 60),
            stop_seconds=self.stop_seconds,
            environment={"AWS_DEFAULT_REGION": self.region, **place},
            secrets=secrets,
            log_group=log_group,
            region=self.region,
            writable_folders=(_TEMPORARY,),
        )

    @property
    def command(self) -> tuple[str, ...]:
        """After the entry point."""
        return (
            *("work", "--concurrency", str(self.concurrency), "--drain-seconds", str(self.drain_seconds)),
            *("--metrics-port", str(_METRICS_PORT)),
        )

    @property
    def volumes(self) -> tuple[str, ...]:
        return (_TEMPORARY,)
