"""Which sources of weights an engine on this machine reads."""

from moorage.spec import BucketSource, ModelSpec, Problem, SpecError


def check_sources(model: ModelSpec) -> None:
    """Raises `SpecError` for each that is a bucket: the streamer for it, and the right to read it, are a cluster's."""
    sources = {"model.source": model.source}
    sources |= {f"model.lora_adapters.{name}": source for name, source in model.lora_adapters.items()}
    problems = [
        Problem(key, f" = {source.address}: a cluster reads it; on this machine, copy it to a local folder")
        for key, source in sources.items()
        if isinstance(source, BucketSource)
    ]
    if problems:
        raise SpecError(problems)
