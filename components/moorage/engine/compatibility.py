"""Whether the engine can serve this model at all, known before anything is started."""

from collections.abc import Iterator

from moorage.engine.device import Device
from moorage.engine.memory import context_tokens
from moorage.spec import Load, ModelFacts, ModelSpec, Problem, SpecError

# vllm/v1/attention/backends/cpu_attn.py (get_supported_head_sizes), vLLM 0.32.0
_CPU_HEAD_DIMS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)


def check_servable(model: ModelSpec, facts: ModelFacts, load: Load, *, device: Device) -> None:
    """Raises `SpecError` with everything in the specification that this model or the engine cannot do."""
    problems = list(_problems(model, facts, load, device))
    if problems:
        raise SpecError(problems)


def _problems(model: ModelSpec, facts: ModelFacts, load: Load, device: Device) -> Iterator[Problem]:
    longest = facts.max_position_embeddings
    if model.max_model_len is not None and model.max_model_len > longest:
        yield Problem("model.max_model_len", f" = {model.max_model_len}: the model reaches {longest} tokens at most")
    context = context_tokens(model, facts)
    asked = (load.max_prompt_tokens or 0) + (load.max_output_tokens or 0)
    if asked > context:
        message = f" and load.max_output_tokens make {asked} tokens: the context has {context}"
        yield Problem("load.max_prompt_tokens", message)
    if device == "cpu" and facts.head_dim not in _CPU_HEAD_DIMS:
        allowed = ", ".join(str(size) for size in _CPU_HEAD_DIMS)
        yield Problem("model.source", f": attention heads of {facts.head_dim}; on the CPU vLLM serves {allowed}")
