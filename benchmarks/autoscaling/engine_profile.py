"""How fast an engine is and how much it holds: from published measurements of vLLM, and the planner's memory need."""

import csv
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from moorage.engine.parallelism import ONE_DEVICE
from moorage.kubernetes.vllm_spec import max_num_seqs_of
from moorage.planner.gpu_catalog import gpu_catalog
from moorage.planner.gpu_memory import Demand, kv_cache_tokens
from moorage.spec import Load, ModelFacts, parse_model

_MEASUREMENTS = Path(__file__).with_name("engine_measurements.csv")


@dataclass(frozen=True)
class EngineProfile:
    """One model on one GPU. `step_seconds` is a straight line through the measurements."""

    model: str
    gpu: str
    facts: ModelFacts
    prompt_tokens: int
    mean_output_tokens: int
    max_num_seqs: int
    kv_cache_tokens: int
    step_seconds_alone: float
    step_seconds_per_request: float
    prefill_steps: float

    def step_seconds(self, running: int) -> float:
        """Between two tokens of one request, with so many running."""
        return self.step_seconds_alone + self.step_seconds_per_request * running

    def tokens_of(self, output_tokens: int) -> int:
        """What a request takes of the KV cache at its end."""
        return self.prompt_tokens + output_tokens

    @property
    def most_running(self) -> int:
        """Of mean requests."""
        return min(self.max_num_seqs, self.kv_cache_tokens // self.tokens_of(self.mean_output_tokens))

    @property
    def requests_per_second(self) -> float:
        """With a full batch: the most that one engine can do."""
        steps = self.prefill_steps + self.mean_output_tokens
        return self.most_running / (steps * self.step_seconds(self.most_running))


def engine_profile(model: str, gpu: str, facts: ModelFacts, *, memory_of: str) -> EngineProfile:
    """`memory_of`: the GPU as the planner's catalogue calls it. Raises `ValueError` where nothing was measured."""
    rows = [row for row in _rows() if (row["model"], row["gpu"]) == (model, gpu)]
    if not rows:
        raise ValueError(f"{model} on {gpu}: must be one of {sorted({(row['model'], row['gpu']) for row in _rows()})}")
    running = [float(row["requests_running"]) for row in rows]
    line = statistics.linear_regression(running, [float(row["seconds_per_token"]) for row in rows])
    prompt_tokens, output_tokens = int(rows[0]["prompt_tokens"]), int(rows[0]["output_tokens"])
    load = Load(mean_prompt_tokens=prompt_tokens, mean_output_tokens=output_tokens)
    return EngineProfile(
        model=model,
        gpu=gpu,
        facts=facts,
        prompt_tokens=prompt_tokens,
        mean_output_tokens=output_tokens,
        max_num_seqs=max_num_seqs_of(load),
        kv_cache_tokens=_kv_cache_tokens(memory_of, facts, load),
        step_seconds_alone=line.intercept,
        step_seconds_per_request=line.slope,
        prefill_steps=float(rows[0]["seconds_to_first_token"]) / float(rows[0]["seconds_per_token"]),
    )


def _kv_cache_tokens(gpu: str, facts: ModelFacts, load: Load) -> int:
    model = parse_model({"source": "hf://measured/model", "max_model_len": 4096})
    return kv_cache_tokens(Demand(model, facts, load), ONE_DEVICE, _usable_gib(gpu))


def _usable_gib(gpu: str) -> float:
    return min(row.gpu.usable_gib for row in gpu_catalog() if row.gpu_name == gpu and row.gpu is not None)


def _rows() -> Iterable[Mapping[str, str]]:
    with _MEASUREMENTS.open(newline="") as file:
        return list(csv.DictReader(file))
