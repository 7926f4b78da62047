"""What a gateway on Fargate is asked to be, validated, and what follows from it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from moorage.aws.container_definition import Container, HealthCheck
from moorage.aws.fargate_size import MOST_STOP_SECONDS, VCPUS, FargateSize, fargate_size
from moorage.aws.load_balancer_spec import GATEWAY_PORT
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.kubernetes.gateway_process_spec import PROPAGATION_SECONDS, GatewayProcessSpec, grace_seconds_of
from moorage.spec.service_level import ServiceLevel

DOCUMENT_VARIABLE = "MOORAGE_GATEWAY_DOCUMENT"
REDIS_URL_VARIABLE = "MOORAGE_REDIS_URL"
_TEMPORARY = "tmp"
# The image has Python and no curl.
_HEALTH = f"import urllib.request as request; request.urlopen('http://127.0.0.1:{GATEWAY_PORT}/health', timeout=4)"


class FargateGatewaySpec(GatewayProcessSpec):
    """What `FargateGatewayArgs` say that is known before anything is created."""

    region: Region
    architecture: Literal["arm64", "x86_64"] = "x86_64"
    log_retention_days: RetentionDays = 90
    tags: Tags = Field(default_factory=dict)

    @field_validator("service_level")
    @classmethod
    def _drains_in_time(cls, service_level: ServiceLevel) -> ServiceLevel:
        needed = grace_seconds_of(service_level)
        if needed > MOST_STOP_SECONDS:
            longest = service_level.p99_request_seconds - (needed - MOST_STOP_SECONDS)
            raise ValueError(
                f"p99_request_seconds = {service_level.p99_request_seconds:g}: a gateway that is stopped would need "
                f"{needed} seconds, and Fargate kills it after {MOST_STOP_SECONDS}; must be at most {longest:g}, or "
                "the platform eks"
            )
        return service_level

    @property
    def size(self) -> FargateSize:
        """One vCPU for each process, at least the memory that they need."""
        found = fargate_size(self.cpu, self.memory_mib)
        if found is None:
            raise AssertionError(f"{self.cpu} vCPUs: more than Fargate has, which are {VCPUS[-1]}")
        return found

    def container(self, image: str, document: str, log_group: str, secrets: Mapping[str, str]) -> Container:
        """The task's one container."""
        return Container(
            name="gateway",
            image=image,
            command=self.command,
            port=GATEWAY_PORT,
            health_check=HealthCheck(("python", "-c", _HEALTH), 10, 5, 3, 30),
            stop_seconds=self.grace_seconds,
            environment={DOCUMENT_VARIABLE: document},
            secrets=secrets,
            log_group=log_group,
            region=self.region,
            writable_folders=(_TEMPORARY,),
        )

    @property
    def command(self) -> tuple[str, ...]:
        """After the image's entry point."""
        return (
            "serve",
            *("--config-variable", DOCUMENT_VARIABLE, "--host", "0.0.0.0", "--port", str(GATEWAY_PORT)),  # noqa: S104
            *("--workers", str(self.workers)),
            *("--propagation-seconds", str(PROPAGATION_SECONDS), "--drain-seconds", str(self.drain_seconds)),
        )

    @property
    def volumes(self) -> tuple[str, ...]:
        return (_TEMPORARY,)
