"""vLLM's environment variables."""

from moorage.engine.device import Device
from moorage.spec import HubSource, ModelSpec


def vllm_environment(model: ModelSpec, *, device: Device) -> dict[str, str]:
    """What an engine's process gets besides its own system's variables (vllm/envs.py, vLLM 0.32.0, read 2026-11-23).

    No usage statistics; prefix hashes that agree between replicas; no look at the Hugging Face Hub where nothing comes
    from it.  On the CPU the threads are not bound: vLLM's own choice puts every engine of a machine on the same cores.
    """
    sources = [model.source, *model.lora_adapters.values()]
    needs_hub = any(isinstance(source, HubSource) for source in sources)
    return {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONHASHSEED": "0",
        **({} if needs_hub else {"HF_HUB_OFFLINE": "1"}),
        **({"VLLM_CPU_OMP_THREADS_BIND": "nobind"} if device == "cpu" else {}),
    }
