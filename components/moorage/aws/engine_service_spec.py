"""What an engine on Amazon ECS is asked to be, validated, and what follows from it: pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.container_definition import Container
from moorage.aws.deployment_percents import DeploymentPercents, deployment_percents
from moorage.aws.fargate_size import MOST_MEMORY_GIB, MOST_STOP_SECONDS, VCPUS, FargateSize, fargate_size
from moorage.aws.log_retention import RetentionDays
from moorage.aws.node_pool import SPOT_NOTICE_SECONDS
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.aws.vllm_container import vllm_container
from moorage.engine import (
    DrainBudget,
    HostNeed,
    Parallelism,
    check_servable,
    drain_budget,
    host_need,
    kv_cache_bytes,
    memory_need,
    startup_budget,
    within_notice,
)
from moorage.engine.host_need import LOADING_BUFFER_BYTES
from moorage.engine.memory import GIB
from moorage.kubernetes.autoscaler_objects import RUNNING_SHARE
from moorage.kubernetes.image import PinnedImage
from moorage.kubernetes.vllm_spec import (
    NODE_SECONDS,
    PROPAGATION_SECONDS,
    gpu_problems,
    image_problems,
    max_num_seqs_of,
    startup_seconds_of,
    weights_gib_of,
)
from moorage.planner.gpu_memory import Demand
from moorage.spec import BucketSource, FolderSource, HubSource, Load, ModelFacts, ModelSpec, Problem, ServiceLevel
from moorage.spec.errors import SpecError
from moorage.spec.numbers import WholeNumber, not_below

MOST_REPLICAS = 8
"""A name of Cloud Map answers with at most eight addresses, and gateways find engines by one (botocore 1.43.117,
servicediscovery: DnsConfig, RoutingPolicy, MULTIVALUE; read 2026-11-25)."""
_PERCENT = 100
_MIB_PER_GIB = 1024
_MEGABYTES_PER_SECOND_ON_FARGATE = 100
"""Assumed, with what Fargate's smallest tasks get of the network in mind."""
# docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html (read 2026-11-25); the image is on it.
_LEAST_STORAGE_GIB, _MOST_STORAGE_GIB = 21, 200
_IMAGE_GIB, _WRITTEN_GIB = 10, 10
_SHARED_MEMORY_ON_FARGATE_MIB = 1024
"""At the most, and none of it until it is used. vLLM does not start where it cannot have 400 MiB, for the queues to and
from its worker, which it has on CPUs too (vllm/distributed/device_communicators/shm_broadcast.py,
`check_shm_free_space`, and vllm/platforms/cpu.py, vLLM 0.32.0); a container has 64 unless it is told otherwise. Fargate
takes no `sharedMemorySize`, but `tmpfs` (github.com/aws/containers-roadmap/issues/736, since 2026-01)."""
_IMAGES_WITHOUT_STREAMER = ("vllm-cpu-release-repo", "vllm-openai-cpu")
"""vLLM's own for CPUs, in Amazon's and in Docker's registry: they have its extra `audio`, and not `runai`
(github.com/vllm-project/vllm, docker/Dockerfile.cpu at 002c42b, read 2026-11-26)."""


class EngineServiceSpec(BaseModel):
    """What engines on instances and on Fargate have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    image: PinnedImage
    model: ModelSpec
    revision: str = Field(min_length=1)
    load: Load = Load()
    service_level: ServiceLevel = ServiceLevel()
    min_replicas: WholeNumber = Field(default=1, ge=1, le=MOST_REPLICAS)
    max_replicas: WholeNumber | None = Field(default=None, ge=1, le=MOST_REPLICAS)
    metrics_stack: str | None = Field(default=None, min_length=1, validate_default=True)
    lora_rank: WholeNumber | None = Field(default=None, ge=1)
    log_retention_days: RetentionDays = 90
    tags: Tags = Field(default_factory=dict)

    _not_below_min = field_validator("max_replicas")(not_below("min_replicas"))

    @field_validator("metrics_stack")
    @classmethod
    def _scaled_by_something(cls, stack: str | None, info: ValidationInfo) -> str | None:
        if stack is None and info.data.get("max_replicas") is not None:
            raise ValueError("is missing; max_replicas needs it: by which CloudWatch tells these gateways' demand")
        return stack

    @property
    def wanted_drain(self) -> DrainBudget:
        return drain_budget(self.service_level.p99_request_seconds, PROPAGATION_SECONDS)

    def source_problems(self) -> Iterator[Problem]:
        """What an engine on ECS cannot get its model from."""
        sources = {"model.source": self.model.source}
        adapters = {f"model.lora_adapters.{name}": source for name, source in self.model.lora_adapters.items()}
        for key, source in {**sources, **adapters}.items():
            if isinstance(source, FolderSource) and not source.path.startswith("/"):
                allowed = "hf:// or s3://, or a folder inside of the image, with its absolute path"
                yield Problem(key, f" = {source.path}: a task has no such folder; must be {allowed}")
            if isinstance(source, BucketSource) and not source.address.startswith("s3://"):
                yield Problem(
                    key, f" = {source.address}: a task has no identity of Google Cloud; must be hf:// or s3://"
                )
        for key, source in adapters.items():
            if isinstance(source, BucketSource):
                reason = "vLLM reads no adapter from a bucket; must be hf:// or a folder inside of the image"
                yield Problem(key, f" = {source.address}: {reason}, or the platform eks, which copies it")
        yield from image_problems(self.model, self.lora_rank)


class EcsVllmSpec(EngineServiceSpec):
    """What `EcsVllmArgs` say that is known before anything is created."""

    facts: ModelFacts | None = None
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    tensor_parallel_size: WholeNumber = Field(default=1, ge=1)
    has_spot: bool = False
    max_surge: WholeNumber = Field(default=1, ge=0)
    allow_downtime: bool = False

    def check(self) -> None:
        """Raises `SpecError` with everything that its parts do not agree about."""
        problems = [*self.source_problems(), *self._rollout_problems(), *self._gpu_problems()]
        if problems:
            raise SpecError(problems)
        if self.facts is not None:
            check_servable(self.model, self.facts, self.load, device="gpu")

    @property
    def parallelism(self) -> Parallelism:
        return Parallelism(self.tensor_parallel_size)

    @property
    def host(self) -> HostNeed:
        return host_need(self.parallelism)

    @property
    def max_num_seqs(self) -> int:
        return max_num_seqs_of(self.load)

    @property
    def drain(self) -> DrainBudget:
        """Instances have no limit of their own; spot gives notice."""
        return within_notice(self.wanted_drain, SPOT_NOTICE_SECONDS) if self.has_spot else self.wanted_drain

    @property
    def startup_seconds(self) -> int:
        return startup_seconds_of(self.facts)

    @property
    def rollout_seconds(self) -> int:
        """One engine after the other, each on an instance that has to come first."""
        return (self.startup_seconds + NODE_SECONDS + self.drain.grace_seconds) * self.min_replicas

    @property
    def deployment_percents(self) -> DeploymentPercents:
        return deployment_percents(self.min_replicas, self.max_surge)

    def container(self, log_group: str, secrets: Mapping[str, str]) -> Container:
        """The task's one container.

        Its limit of memory is that of a pod, so that an engine does not take the agent's; an instance needs less free,
        because the GPUs decide where it runs.
        """
        host = self.host
        return vllm_container(
            self.model,
            self.image,
            device="gpu",
            drain=self.drain,
            log_group=log_group,
            region=self.region,
            secrets=secrets,
            max_num_seqs=self.max_num_seqs,
            lora_rank=self.lora_rank,
            parallelism=self.parallelism,
            shared_memory_mib=host.shared_memory_gib * _MIB_PER_GIB,
            memory_mib=host.memory_gib * _MIB_PER_GIB,
            memory_reservation_mib=(host.memory_gib - host.shared_memory_gib) * _MIB_PER_GIB,
        )

    def _rollout_problems(self) -> Iterator[Problem]:
        if self.max_surge == 0 and self.min_replicas == 1 and not self.allow_downtime:
            reason = "the one engine is stopped before its successor starts, because no instance is free for both"
            yield Problem("max_surge", f" = 0: {reason}; must be at least 1, or set allow_downtime")

    def _gpu_problems(self) -> Iterator[Problem]:
        if self.facts is not None:
            demand = Demand(self.model, self.facts, self.load, self.lora_rank)
            yield from gpu_problems(demand, self.parallelism, self.gpu_memory_gib)


class FargateVllmSpec(EngineServiceSpec):
    """What `FargateVllmArgs` say that is known before anything is created."""

    facts: ModelFacts
    cpu: float = 4.0
    architecture: Literal["arm64", "x86_64"] = "x86_64"

    def check(self) -> None:
        """Raises `SpecError` with everything that its parts do not agree about."""
        problems = [
            *self.source_problems(),
            *self._streamer_problems(),
            *self._size_problems(),
            *self._drain_problems(),
        ]
        if problems:
            raise SpecError(problems)
        check_servable(self.model, self.facts, self.load, device="cpu")

    @field_validator("cpu")
    @classmethod
    def _a_size(cls, cpu: float) -> float:
        if cpu not in VCPUS:
            raise ValueError(f"must be one of {', '.join(f'{size:g}' for size in VCPUS)} vCPUs")
        return cpu

    @property
    def memory_gib(self) -> float:
        """While it serves, or while it loads, whichever is more: a bucket's weights pass through a buffer."""
        need = memory_need(self.model, self.facts, self.load, device="cpu", lora_rank=self.lora_rank)
        is_streamed = isinstance(self.model.source, BucketSource)
        buffer_gib = min(LOADING_BUFFER_BYTES / GIB, need.weights_gib) if is_streamed else 0.0
        return need.weights_gib + need.overhead_gib + max(need.kv_cache_gib, buffer_gib)

    @property
    def size(self) -> FargateSize:
        """The smallest that holds the model with at least the vCPUs that are asked for."""
        found = fargate_size(self.cpu, self.memory_gib * _MIB_PER_GIB)
        if found is None:
            raise AssertionError(f"{self.memory_gib:.1f} GiB: `check` refuses what Fargate does not have")
        return found

    @property
    def storage_gib(self) -> int:
        """Of the task's disk, which holds the image, and a Hub's model."""
        weights = weights_gib_of(self.model, self.facts) if isinstance(self.model.source, HubSource) else 0
        return max(_LEAST_STORAGE_GIB, math.ceil(weights) + _IMAGE_GIB + _WRITTEN_GIB)

    @property
    def max_num_seqs(self) -> int:
        """More at once would be slower for each: a CPU computes what it was sized for."""
        return self.load.concurrent_requests

    @property
    def drain(self) -> DrainBudget:
        return self.wanted_drain

    @property
    def startup_seconds(self) -> int:
        return startup_budget(
            self.facts.weight_bytes, compile_seconds=0, read_megabytes_per_second=_MEGABYTES_PER_SECOND_ON_FARGATE
        )

    @property
    def rollout_seconds(self) -> int:
        """All at the same time."""
        return self.startup_seconds + NODE_SECONDS + self.drain.grace_seconds

    @property
    def deployment_percents(self) -> DeploymentPercents:
        """As many more as there are: each is paid for while it runs alone."""
        return DeploymentPercents(_PERCENT, 2 * _PERCENT)

    def container(self, log_group: str, secrets: Mapping[str, str]) -> Container:
        """The task's one container, which has all of the task's memory."""
        return vllm_container(
            self.model,
            self.image,
            device="cpu",
            drain=self.drain,
            log_group=log_group,
            region=self.region,
            secrets=secrets,
            max_num_seqs=self.max_num_seqs,
            kv_cache_memory_bytes=kv_cache_bytes(self.model, self.facts, self.load, device="cpu"),
            lora_rank=self.lora_rank,
            tmpfs_mib={"/dev/shm": _SHARED_MEMORY_ON_FARGATE_MIB},  # noqa: S108 - the task's own
        )

    def _streamer_problems(self) -> Iterator[Problem]:
        repository = self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
        if isinstance(self.model.source, BucketSource) and repository in _IMAGES_WITHOUT_STREAMER:
            reason = f"vLLM's own image for CPUs has no streamer that reads {self.model.source.address}"
            yield Problem("image", f" = {self.image}: {reason}; must be one with vllm[runai], or model.source hf://")

    def _size_problems(self) -> Iterator[Problem]:
        if fargate_size(self.cpu, self.memory_gib * _MIB_PER_GIB) is None:
            need = memory_need(self.model, self.facts, self.load, device="cpu", lora_rank=self.lora_rank)
            numbers = (
                f"needs {self.memory_gib:.1f} GiB (weights {need.weights_gib:.1f}, KV cache {need.kv_cache_gib:.1f}, "
                f"engine {need.overhead_gib:.1f}), and a task on Fargate has at most {MOST_MEMORY_GIB:g}, and no GPU"
            )
            way_out = "lower model.max_model_len or load.concurrent_requests, take a smaller model, or the platform ecs"
            yield Problem("model.source", f": the model {numbers}; {way_out}")
        if self.storage_gib > _MOST_STORAGE_GIB:
            reason = f"its weights and the image need {self.storage_gib} GiB of disk, of {_MOST_STORAGE_GIB} on Fargate"
            yield Problem("model.source", f": {reason}; stream it from s3://")

    def _drain_problems(self) -> Iterator[Problem]:
        needed = self.drain.grace_seconds
        if needed > MOST_STOP_SECONDS:
            given = self.service_level.p99_request_seconds
            longest = given - (needed - MOST_STOP_SECONDS)
            reason = f"an engine that is stopped would need {needed} seconds, and Fargate kills it after"
            yield Problem(
                "service_level.p99_request_seconds",
                f" = {given:g}: {reason} {MOST_STOP_SECONDS}; must be at most {longest:g}, or the platform ecs",
            )


def demand_per_engine(max_num_seqs: int) -> int:
    """For how many requests in service and waiting there is one engine, as on Kubernetes."""
    return max(1, math.floor(RUNNING_SHARE * max_num_seqs))
