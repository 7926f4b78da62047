"""One container of an ECS task: pure, in the words of RegisterTaskDefinition.

docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (read 2026-11-25)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

USER = "10001:10001"
"""Of the serving image, as `serving_image/Dockerfile` has it."""
MOST_DOCUMENT_BYTES = 64 * 1024
"""Of a whole task definition (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html, read
2026-11-25)."""
_OPEN_FILES = 65_536
# While CloudWatch Logs does not answer, lines are dropped rather than requests held up
# (docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html, read 2026-11-25).
_LOG_BUFFER = "25m"


@dataclass(frozen=True)
class HealthCheck:
    """A command inside of the container; 0 is healthy."""

    command: Sequence[str]
    interval_seconds: int
    timeout_seconds: int
    retries: int
    start_period_seconds: int
    """While failures do not count; at most 300."""

    def document(self) -> dict[str, Any]:
        """As ECS has it."""
        return {
            "command": ["CMD", *self.command],
            "interval": self.interval_seconds,
            "timeout": self.timeout_seconds,
            "retries": self.retries,
            "startPeriod": self.start_period_seconds,
        }


@dataclass(frozen=True)
class Container:
    """What runs, and how it is stopped."""

    name: str
    image: str
    command: Sequence[str]
    port: int
    health_check: HealthCheck
    stop_seconds: int
    """From SIGTERM to SIGKILL."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables whose values are secrets: ARNs of Secrets Manager."""
    log_group: str = ""
    region: str = ""
    user: str | None = USER
    """None: the image's own, without any capability."""
    entry_point: Sequence[str] = ()
    """Instead of the image's."""
    gpus: int = 0
    memory_mib: int | None = None
    """Above it the kernel ends the container; where the task itself has no limit."""
    memory_reservation_mib: int | None = None
    """What an instance has to have free for it; below `memory_mib`."""
    shared_memory_mib: int | None = None
    """Of `/dev/shm`, on instances; Fargate refuses it."""
    tmpfs_mib: Mapping[str, int] = field(default_factory=dict[str, int])
    """Folders in memory, and their sizes."""
    writable_folders: Sequence[str] = ()
    """Volumes of the task with these names, at `/NAME`: all else is read-only."""

    def document(self) -> dict[str, Any]:
        """As ECS has it."""
        linux: dict[str, Any] = {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}
        if self.shared_memory_mib is not None:
            linux["sharedMemorySize"] = self.shared_memory_mib
        if self.tmpfs_mib:
            linux["tmpfs"] = [{"containerPath": path, "size": self.tmpfs_mib[path]} for path in sorted(self.tmpfs_mib)]
        document: dict[str, Any] = {
            "name": self.name,
            "image": self.image,
            "command": list(self.command),
            "essential": True,
            "portMappings": [{"containerPort": self.port, "protocol": "tcp"}],
            "environment": _pairs(self.environment, "value"),
            "secrets": _pairs(self.secrets, "valueFrom"),
            "healthCheck": self.health_check.document(),
            "stopTimeout": self.stop_seconds,
            "readonlyRootFilesystem": True,
            "linuxParameters": linux,
            "ulimits": [{"name": "nofile", "softLimit": _OPEN_FILES, "hardLimit": _OPEN_FILES}],
            "mountPoints": [{"sourceVolume": name, "containerPath": f"/{name}"} for name in self.writable_folders],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": self.log_group,
                    "awslogs-region": self.region,
                    "awslogs-stream-prefix": self.name,
                    "mode": "non-blocking",
                    "max-buffer-size": _LOG_BUFFER,
                },
            },
        }
        if self.user is not None:
            document["user"] = self.user
        if self.entry_point:
            document["entryPoint"] = list(self.entry_point)
        if self.memory_mib is not None:
            document["memory"] = self.memory_mib
        if self.memory_reservation_mib is not None:
            document["memoryReservation"] = self.memory_reservation_mib
        if self.gpus:
            document["resourceRequirements"] = [{"type": "GPU", "value": str(self.gpus)}]
        return document


def container_definitions(container: Container) -> str:
    """A task's one container, as JSON.

    Raises:
        pulumi.RunError: it is larger than a task definition may be.
    """
    text = json.dumps([container.document()], sort_keys=True)
    if len(text.encode()) > MOST_DOCUMENT_BYTES:
        raise pulumi.RunError(
            f"the task definition of {container.name} has {len(text.encode())} bytes, of at most "
            f"{MOST_DOCUMENT_BYTES}: its environment holds the gateway's document; have fewer tenants and keys in it"
        )
    return text


def _pairs(values: Mapping[str, str], key: str) -> list[dict[str, str]]:
    return [{"name": name, key: values[name]} for name in sorted(values)]
