"""The local embedding model. Needs the extra `semantic-cache`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import wordllama

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EmbeddingModel(Protocol):
    """Turns text into a vector of length 1, on the CPU and without the network."""

    def embed(self, text: str) -> NDArray[np.float32]: ...


class WordLlamaModel:
    """WordLlama's static embeddings, 256 numbers: 16 MB of weights, 0.1 ms a question.

    `folder` has `weights/l2_supercat_256.safetensors` and `tokenizers/l2_supercat_tokenizer_config.json`, as the
    library's own folder has, which None stands for. Raises FileNotFoundError.
    """

    def __init__(self, folder: Path | None) -> None:
        # The library looks for its own tokenizer in a folder that its wheel does not have (0.4.0), and would download
        # it; as a cache its own folder is complete.
        own = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(cache_dir=folder or own, disable_download=True)

    def embed(self, text: str) -> NDArray[np.float32]:
        return self._model.embed([text], norm=True)[0]
