"""From a Hugging Face folder to one GGUF file, in two steps of llama.cpp's."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.bootstrap.paths import TOOLS
from tools.quantize.pre_tokenizer import pre_tokenizer_of

_CONVERT = Path(__file__).parent / "convert.py"
_TAIL_LINES = 8


class Quantization(StrEnum):
    """How many bits a weight has, in llama.cpp's names; the number is about that of the bits."""

    BF16 = "BF16"
    Q8_0 = "Q8_0"
    Q6_K = "Q6_K"
    Q5_K_M = "Q5_K_M"
    Q4_K_M = "Q4_K_M"
    Q4_0 = "Q4_0"


class QuantizationError(Exception):
    """No file was made; the message says why."""


@dataclass(frozen=True)
class QuantizedModel:
    """What has come of it."""

    file: Path
    given_bytes: int
    """Of the folder's weights."""
    file_bytes: int
    """What `facts.weight_bytes` of a function is."""


def quantize(folder: Path, file: Path, quantization: Quantization) -> QuantizedModel:
    """Writes `file`, whole or not at all. Raises `QuantizationError`."""
    problem = _problem(folder, file)
    if problem is not None:
        raise QuantizationError(problem)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".quantize-") as temporary:
        converted, quantized = Path(temporary) / "converted.gguf", Path(temporary) / "quantized.gguf"
        python, converter = str(TOOLS / "engine" / "bin" / "python"), str(TOOLS / "llama-cpp")
        named = pre_tokenizer_of(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))) or "-"
        arguments = ["--outtype", "bf16", "--outfile", str(converted), str(folder)]
        _run("convert", [python, str(_CONVERT), converter, named, *arguments])
        program = str(TOOLS / "llama-cpp" / "llama-quantize")
        _run("quantize", [program, str(converted), str(quantized), quantization.value])
        quantized.rename(file)
    given_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return QuantizedModel(file, given_bytes, file.stat().st_size)


def _problem(folder: Path, file: Path) -> str | None:
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        missing.append("*.safetensors")
    if missing:
        return f"{folder} is no Hugging Face folder: {', '.join(missing)} must be in it"
    if not file.parent.is_dir():
        return f"{file}: the folder {file.parent} does not exist"
    if file.exists():
        return f"{file} exists already; remove it, or take another name"
    return None


def _run(step: str, command: Sequence[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL_LINES:])
        raise QuantizationError(f"llama.cpp could not {step} the model (exit code {done.returncode}):\n{tail}")
