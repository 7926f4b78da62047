"""What an engine in a cluster is asked to be, validated, and what follows from it."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from moorage.engine import (
    GPU_COMPILE_SECONDS,
    DrainBudget,
    HostNeed,
    Parallelism,
    check_servable,
    drain_budget,
    host_need,
    startup_budget,
    within_notice,
)
from moorage.engine.memory import GIB, weights_gib
from moorage.kubernetes.image import PinnedImage
from moorage.planner.gpu_memory import Demand, shortage
from moorage.planner.pool_refusals import lora_rank_problems, tensor_parallel_problems
from moorage.spec import BucketSource, FolderSource, HubSource, Load, ModelFacts, ModelSpec, Problem, ServiceLevel
from moorage.spec.errors import SpecError
from moorage.spec.numbers import WholeNumber

PROPAGATION_SECONDS = 15
"""Until the gateways have noticed that a pod is going, as llm-d and KServe allow
(github.com/llm-d/llm-d, docs/operations/graceful-shutdown.md; read September 2026)."""
NODE_SECONDS = 15 * 60
"""Assumed, generously: until a node with GPUs is up and has pulled an image of about 10 GB."""
_LEAST_MAX_NUM_SEQS = 256
"""vLLM's own on GPUs with less than 70 GiB (vllm/engine/arg_utils.py, default_max_num_seqs, vLLM 0.32.0)."""
_UNKNOWN_WEIGHTS_GIB = 100
"""What llm-d's router requests of a node's disk (config/manifests/vllm/gpu-deployment.yaml, read 2026-08-22)."""
_BESIDE_WEIGHTS_GIB = 1

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class Toleration(BaseModel):
    """As `moorage.kubernetes.placement.TolerationArgs`."""

    model_config = _STRICT

    key: str = Field(min_length=1)
    operator: Literal["Exists", "Equal"]
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class Placement(BaseModel):
    """As `moorage.kubernetes.placement.PlacementArgs`."""

    model_config = _STRICT

    node_selector: dict[str, str]
    tolerations: list[Toleration]
    pool_kind: Literal["elastic", "fixed"]
    termination_notice_seconds: WholeNumber | None = Field(default=None, ge=1)


class VllmSpec(BaseModel):
    """What `VllmDeploymentArgs` say that is known before anything is created."""

    model_config = _STRICT

    image: PinnedImage
    model: ModelSpec
    revision: str = Field(min_length=1)
    placement: Placement
    load: Load = Load()
    service_level: ServiceLevel = ServiceLevel()
    facts: ModelFacts | None = None
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    tensor_parallel_size: WholeNumber = Field(default=1, ge=1)
    pipeline_parallel_size: WholeNumber = Field(default=1, ge=1)
    replicas: WholeNumber = Field(default=1, ge=0)
    autoscaled: bool = False
    max_surge: WholeNumber | None = Field(default=None, ge=0)
    allow_downtime: bool = False
    lora_rank: WholeNumber | None = Field(default=None, ge=1)

    def check(self) -> None:
        """Raises `SpecError` with everything that its parts do not agree about."""
        problems = [*self._source_problems(), *self._rollout_problems(), *self._gpu_problems()]
        if problems:
            raise SpecError(problems)
        if self.facts is not None:
            check_servable(self.model, self.facts, self.load, device="gpu")

    @property
    def parallelism(self) -> Parallelism:
        return Parallelism(self.tensor_parallel_size, self.pipeline_parallel_size)

    @property
    def host(self) -> HostNeed:
        return host_need(self.parallelism)

    @property
    def max_num_seqs(self) -> int:
        return max_num_seqs_of(self.load)

    @property
    def wanted_drain(self) -> DrainBudget:
        return drain_budget(self.service_level.p99_request_seconds, PROPAGATION_SECONDS)

    @property
    def drain(self) -> DrainBudget:
        notice = self.placement.termination_notice_seconds
        return self.wanted_drain if notice is None else within_notice(self.wanted_drain, notice)

    @property
    def startup_seconds(self) -> int:
        return startup_seconds_of(self.facts)

    @property
    def progress_deadline_seconds(self) -> int:
        """Longer than one new pod may take to be ready, its node included."""
        return self.startup_seconds + NODE_SECONDS

    @property
    def rollout_seconds(self) -> int:
        """One replica after the other."""
        return self.progress_deadline_seconds * max(self.replicas, 1)

    @property
    def surge(self) -> int:
        """How many pods more than wanted a rollout may have."""
        return (1 if self.placement.pool_kind == "elastic" else 0) if self.max_surge is None else self.max_surge

    @property
    def model_cache_gib(self) -> int:
        """What the weights' folder holds: all of them from the Hub; of a bucket's model the small files alone."""
        is_streamed = not isinstance(self.model.source, HubSource)
        weights = 0 if is_streamed else weights_gib_of(self.model, self.facts)
        return round(weights) + _BESIDE_WEIGHTS_GIB

    @property
    def scales_to_zero(self) -> bool:
        return self.autoscaled and self.replicas == 0

    def _source_problems(self) -> Iterator[Problem]:
        sources = {"model.source": self.model.source}
        sources |= {f"model.lora_adapters.{name}": source for name, source in self.model.lora_adapters.items()}
        for key, source in sources.items():
            if isinstance(source, FolderSource) and not source.path.startswith("/"):
                allowed = "hf://, s3:// or gs://, or a folder inside of the image, with its absolute path"
                yield Problem(key, f" = {source.path}: the cluster has no such folder; must be {allowed}")
        yield from image_problems(self.model, self.lora_rank)

    def _rollout_problems(self) -> Iterator[Problem]:
        if self.replicas == 0 and not self.autoscaled:
            yield Problem("replicas", " = 0: must be at least 1, or autoscaled, so that somebody starts one")
        if self.placement.pool_kind == "fixed" and self.max_surge:
            reason = "the pool is fixed: no node is free for a pod more; must be 0"
            yield Problem("max_surge", f" = {self.max_surge}: {reason}")
        elif self.surge == 0 and self.replicas == 1 and not self.allow_downtime:
            reason = "is stopped before its successor starts, because the pool has no room for both"
            yield Problem("replicas", f" = 1: the one replica {reason}; must be at least 2, or set allow_downtime")

    def _gpu_problems(self) -> Iterator[Problem]:
        if self.facts is not None:
            demand = Demand(self.model, self.facts, self.load, self.lora_rank)
            yield from gpu_problems(demand, self.parallelism, self.gpu_memory_gib)


def image_problems(model: ModelSpec, lora_rank: int | None) -> Iterator[Problem]:
    """What vLLM in a container would not find or take."""
    template = model.chat_template
    if template is not None and not template.startswith("/"):
        yield Problem("model.chat_template", f" = {template}: must be an absolute path inside of the image")
    if lora_rank is not None:
        yield from lora_rank_problems(lora_rank, "lora_rank")


def gpu_problems(demand: Demand, parallelism: Parallelism, gpu_memory_gib: float | None) -> Iterator[Problem]:
    """Why the model cannot be split like that, or does not fit; the latter only where the memory is known."""
    facts, nodes = demand.facts, parallelism.pipeline_parallel_size
    split = list(tensor_parallel_problems(facts, parallelism.tensor_parallel_size, "tensor_parallel_size"))
    yield from split
    if nodes > facts.num_hidden_layers:
        yield Problem("pipeline_parallel_size", f" = {nodes}: the model has {facts.num_hidden_layers} layers")
    elif gpu_memory_gib is not None and not split:
        problem = shortage(demand, parallelism, gpu_memory_gib, f"{parallelism.devices} GPUs")
        if problem is not None:
            yield problem


def max_num_seqs_of(load: Load) -> int:
    """How many requests an engine runs at once, and a gateway sends it."""
    return max(_LEAST_MAX_NUM_SEQS, load.concurrent_requests)


def startup_seconds_of(facts: ModelFacts | None) -> int:
    """From its start until a pod is ready."""
    return startup_budget(facts.weight_bytes if facts else 0, compile_seconds=GPU_COMPILE_SECONDS)


def weights_gib_of(model: ModelSpec, facts: ModelFacts | None) -> float:
    """On disk: a model may be saved in more bits than it is served in."""
    if facts is None:
        return _UNKNOWN_WEIGHTS_GIB
    return max(weights_gib(model, facts), facts.weight_bytes / GIB)


def bucket_adapters(model: ModelSpec) -> dict[str, BucketSource]:
    """Those that have to be copied to the pod before vLLM starts."""
    return {name: source for name, source in model.lora_adapters.items() if isinstance(source, BucketSource)}
