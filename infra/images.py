"""The images that a stack runs."""

from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, Field

from moorage.kubernetes.image import PinnedImage
from strict import STRICT

if TYPE_CHECKING:
    from configuration import Configuration


class ImageSettings(BaseModel):
    """Each by its digest. Which of them a platform needs, `Platform.images` says."""

    model_config = STRICT

    engine: PinnedImage | None = Field(default=None, description="What runs the model: vLLM's, for CUDA on GPUs.")
    gateway: PinnedImage | None = Field(default=None, description="The serving image.")
    cache: PinnedImage | None = Field(default=None, description="Valkey's image, in a cluster.")


def image_of(configuration: "Configuration", name: Literal["engine", "gateway", "cache"]) -> str:
    """`Configuration` has seen to it that it is there, where the platform runs it."""
    return cast("str", getattr(configuration.images, name))
