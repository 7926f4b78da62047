"""What a gateway on Fargate is asked to be, validated, and what follows from it."""

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, field_validator

from moorage.aws.container_definition import MOST_DOCUMENT_BYTES, Container, HealthCheck
from moorage.aws.fargate_size import MOST_STOP_SECONDS, VCPUS, FargateSize, fargate_size
from moorage.aws.load_balancer_spec import (
    GATEWAY_PORT,
    HEALTH_PATH,
    HTTP,
    HTTPS,
    KEEP_ALIVE_MARGIN_SECONDS,
    idle_timeout_of,
)
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.kubernetes.gateway_process_spec import PROPAGATION_SECONDS, GatewayProcessSpec, grace_seconds_of
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_settings import otlp_endpoint_of

DOCUMENT_VARIABLE = "MOORAGE_GATEWAY_DOCUMENT"
REDIS_URL_VARIABLE = "MOORAGE_REDIS_URL"
_TEMPORARY = "tmp"
# The image has Python and no curl.
_HEALTH = f"from urllib import request; request.urlopen('http://127.0.0.1:{GATEWAY_PORT}{HEALTH_PATH}', timeout=4)"
# What Pulumi's provider waits for a service by itself, of which gateways need some minutes to start.
_START_AND_STOP_SECONDS = 1200
# Upstreams, the generated key and the container's other parts: one upstream is half a KiB.
_RESERVED_BYTES = 8 * 1024
_PORTS = {"http": HTTP, "https": HTTPS}


class Collector(NamedTuple):
    """Of traces and metrics."""

    host: str
    port: int


class FargateGatewaySpec(GatewayProcessSpec):
    """What `FargateGatewayArgs` say that is known before anything is created."""

    region: Region
    architecture: Literal["arm64", "x86_64"] = "x86_64"
    cpu: float = Field(default=1, gt=0, le=VCPUS[-1])
    log_retention_days: RetentionDays = 90
    tags: Tags = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _fits_into_a_task_definition(cls, settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
        # A document in a document: its quotation marks are escaped.
        size, most = len(json.dumps(json.dumps(settings, indent=2))), MOST_DOCUMENT_BYTES - _RESERVED_BYTES
        if size > most:
            message = (
                f": are {size} bytes in a task definition of ECS, which has room for {most}; have fewer tenants and "
                "keys, or the platform eks"
            )
            raise SpecError([Problem("", message)])
        return settings

    @property
    def collector(self) -> Collector | None:
        """Where gateways send traces and metrics, if they do."""
        url = urlsplit(otlp_endpoint_of(self.settings) or "")
        return Collector(url.hostname, url.port or _PORTS[url.scheme]) if url.hostname else None

    @property
    def grace_seconds(self) -> int:
        """Between the stop signal and the kill, of which Fargate has 120 seconds at most.

        Longer answers lose nothing by it. ECS takes a task from its balancer first, and waits until its requests have
        ended or the balancer's deregistration delay is over, up to an hour; only then it sends the signal
        (docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-connection-draining.html, read 2026-11-25).
        """
        return min(MOST_STOP_SECONDS, grace_seconds_of(self.service_level))

    @property
    def rollout_seconds(self) -> int:
        """Until new gateways serve and the old ones are gone, which keep their open answers for so long before they are
        stopped."""
        return _START_AND_STOP_SECONDS + grace_seconds_of(self.service_level)

    @property
    def size(self) -> FargateSize:
        """One vCPU for each process, at least the memory that they need."""
        found = fargate_size(self.cpu, self.memory_mib)
        if found is None:
            raise AssertionError(f"{self.cpu} vCPUs and {self.memory_mib} MiB: `cpu` is within what Fargate has")
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
            *("--keep-alive-seconds", str(idle_timeout_of(self.settings) + KEEP_ALIVE_MARGIN_SECONDS)),
        )

    @property
    def volumes(self) -> tuple[str, ...]:
        return (_TEMPORARY,)
