"""The header of a safetensors file: enough to know what it holds and that nothing of it is missing.

Format: 8 bytes, little-endian, with the header's length; the header, JSON; the tensors' bytes without a gap
(huggingface.co/docs/safetensors, read 2026-11-23).
"""

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library itself


class Tensor(BaseModel):
    """One tensor's entry in the header."""

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def stored_bytes(self) -> int:
        return self.data_offsets[1] - self.data_offsets[0]


class UnreadableWeightsError(ValueError):
    """The file is no safetensors file, or not all of one."""


def read_header(path: Path) -> dict[str, Tensor]:
    """The file's tensors by name; only the header is read, however large the file is.

    Raises:
        UnreadableWeightsError: the header cannot be read, or the file is shorter or longer than the header says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header_length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < header_length <= min(size - _LENGTH_BYTES, _MAX_HEADER_BYTES):
            raise UnreadableWeightsError("has no safetensors header")
        raw = file.read(header_length)
    tensors = _parse(raw)
    expected = _LENGTH_BYTES + header_length + max(tensor.data_offsets[1] for tensor in tensors.values())
    if size != expected:
        difference = "is truncated" if size < expected else "has bytes too many"
        raise UnreadableWeightsError(f"{difference}: {size} bytes, and its header says {expected}")
    return tensors


def _parse(raw: bytes) -> dict[str, Tensor]:
    try:
        entries = TypeAdapter(dict[str, object]).validate_json(raw)
        entries.pop("__metadata__", None)
        tensors = TypeAdapter(dict[str, Tensor]).validate_python(entries)
    except ValidationError as error:
        raise UnreadableWeightsError("has a damaged safetensors header") from error
    if not tensors:
        raise UnreadableWeightsError("holds no tensors")
    return tensors
