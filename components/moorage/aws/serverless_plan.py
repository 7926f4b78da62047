"""How large a function has to be for a model and its service level, and what no function can be."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from moorage.aws.lambda_quotas import (
    LEAST_EPHEMERAL_STORAGE_MB,
    MEMORY_MB_PER_VCPU,
    MOST_IDLE_SECONDS,
    MOST_IMAGE_BYTES,
    MOST_MEMORY_MB,
    MOST_TIMEOUT_SECONDS,
)
from moorage.engine.llama_cpp import ColdStart, llama_cpp_cold_start, llama_cpp_memory_need, llama_cpp_vcpu_seconds
from moorage.engine.memory import GIB, MemoryNeed, context_tokens
from moorage.spec import Load, ModelFacts, ModelSpec, ServiceLevel
from moorage.spec.errors import Problem, SpecError

_MB_PER_GIB = 1024
_IMAGE_BESIDE_THE_MODEL_BYTES = GIB // 2
"""Of the serving image for Lambda: Python, the gateway, the engine and the adapter, rounded up."""
_READ_TOKENS_PER_SECOND = 10
"""Somewhat faster than one reads: five words a second, of 1.3 tokens each."""
_ALWAYS_ON = "or take option always-on, whose engines run on GPUs"


@dataclass(frozen=True)
class ServerlessDemand:
    """What a function is to serve."""

    model: ModelSpec
    facts: ModelFacts
    """`weight_bytes` is the size of the GGUF file."""
    load: Load
    service_level: ServiceLevel
    memory_mb: int | None
    """None: as the plan has it."""


@dataclass(frozen=True)
class ServerlessPlan:
    """What a function gets, in Lambda's own units."""

    need: MemoryNeed
    memory_mb: int
    ephemeral_storage_mb: int
    timeout_seconds: int
    cold_start: ColdStart
    request_seconds: float
    """An estimate, for a mean request that finds its engine started."""
    longest_prompt_seconds: float
    """An estimate: until the first byte of an answer to the longest prompt."""

    @property
    def longest_silence_seconds(self) -> float:
        """The same, a start included."""
        return self.cold_start.seconds + self.longest_prompt_seconds

    @property
    def vcpus(self) -> float:
        return self.memory_mb / MEMORY_MB_PER_VCPU


def serverless_plan(demand: ServerlessDemand) -> ServerlessPlan:
    """Memory buys vCPUs: a function gets what holds the model, writes as fast as one reads, and answers a mean request
    in half of the time that 99 of 100 may take. It may run twice as long as these, and start before that.

    Raises `SpecError` with everything that Lambda or API Gateway would refuse, or end in the middle of an answer.
    """
    need = llama_cpp_memory_need(demand.model, demand.facts)
    work = llama_cpp_vcpu_seconds(demand.model, demand.facts, demand.load)
    p99_seconds = demand.service_level.p99_request_seconds
    needed_mb = math.ceil(need.total_gib * _MB_PER_GIB)
    vcpus = max(work.request / (p99_seconds / 2), work.token * _READ_TOKENS_PER_SECOND)
    wanted_mb = max(needed_mb, math.ceil(vcpus * MEMORY_MB_PER_VCPU))
    memory_mb = demand.memory_mb or min(wanted_mb, MOST_MEMORY_MB)
    cold_start = llama_cpp_cold_start(demand.facts)
    granted = memory_mb / MEMORY_MB_PER_VCPU
    plan = ServerlessPlan(
        need=need,
        memory_mb=memory_mb,
        ephemeral_storage_mb=LEAST_EPHEMERAL_STORAGE_MB,
        timeout_seconds=min(math.ceil(cold_start.seconds + 2 * p99_seconds), MOST_TIMEOUT_SECONDS),
        cold_start=cold_start,
        request_seconds=work.request / granted,
        longest_prompt_seconds=work.longest_prompt / granted,
    )
    problems = [*_memory_problems(demand, needed_mb, need), *_image_problems(demand), *_time_problems(demand, plan)]
    if problems:
        raise SpecError(problems)
    return plan


def _memory_problems(demand: ServerlessDemand, needed_mb: int, need: MemoryNeed) -> Iterator[Problem]:
    tokens = context_tokens(demand.model, demand.facts)
    parts = (
        f"weights {need.weights_gib * _MB_PER_GIB:.0f}, KV cache of {tokens} tokens "
        f"{need.kv_cache_gib * _MB_PER_GIB:.0f}, engine and gateway {need.overhead_gib * _MB_PER_GIB:.0f}"
    )
    if needed_mb > MOST_MEMORY_MB:
        helps = f"lower model.max_model_len, take a smaller or a more quantized model, {_ALWAYS_ON}"
        yield Problem(
            "model", f": needs {needed_mb} MB of memory ({parts}) and a function has at most {MOST_MEMORY_MB}; {helps}"
        )
    elif demand.memory_mb is not None and demand.memory_mb < needed_mb:
        yield Problem("memory_mb", f" = {demand.memory_mb}: the model needs {needed_mb} ({parts})")


def _image_problems(demand: ServerlessDemand) -> Iterator[Problem]:
    image_bytes = demand.facts.weight_bytes + _IMAGE_BESIDE_THE_MODEL_BYTES
    if image_bytes > MOST_IMAGE_BYTES:
        yield Problem(
            "facts.weight_bytes",
            f" = {demand.facts.weight_bytes}: an image with it has {image_bytes / GIB:.1f} GiB and Lambda takes "
            f"{MOST_IMAGE_BYTES / GIB:.0f}; take a smaller or a more quantized model, {_ALWAYS_ON}",
        )


def _time_problems(demand: ServerlessDemand, plan: ServerlessPlan) -> Iterator[Problem]:
    p99_seconds, start = demand.service_level.p99_request_seconds, plan.cold_start.seconds
    if start + p99_seconds > MOST_TIMEOUT_SECONDS:
        yield Problem(
            "service_level.p99_request_seconds",
            f" = {p99_seconds:g}: with a start of about {start:.0f} a request may take {start + p99_seconds:.0f} and "
            f"Lambda ends each after {MOST_TIMEOUT_SECONDS}; lower it, {_ALWAYS_ON}",
        )
    if start > MOST_IDLE_SECONDS:
        yield Problem(
            "facts.weight_bytes",
            f" = {demand.facts.weight_bytes}: its engine starts in about {start:.0f} seconds and API Gateway ends an "
            f"answer that says nothing for {MOST_IDLE_SECONDS}; take a smaller model, {_ALWAYS_ON}",
        )
