"""The tiny model as a GGUF file, and one environment that serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.quantize.quantization import Quantization, quantize

from tests.end_to_end.tiny_model import built_tiny_model

from .environment import FunctionEnvironment


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quantized as the page of the image advises."""
    file = tmp_path_factory.mktemp("model") / "tiny.gguf"
    return quantize(built_tiny_model(), file, Quantization.Q8_0).file


@pytest.fixture(scope="module")
def environment(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionEnvironment]:
    with FunctionEnvironment(weights, tmp_path_factory.mktemp("environment")) as started:
        yield started
