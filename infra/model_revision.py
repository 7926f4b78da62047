"""Which weights a stack serves."""

from moorage.spec import BucketSource, HubSource, ModelSpec


def revision_of(model: ModelSpec) -> str:
    """Which weights these are, as far as the stack's file says."""
    if isinstance(model.source, BucketSource):
        return model.revision or model.source.last_part
    return model.hub_revision or "main" if isinstance(model.source, HubSource) else "image"
