"""`python -m tools.quantize FOLDER FILE`: the weights as a function of AWS Lambda serves them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.bootstrap.command import console
from tools.quantize.quantization import Quantization, QuantizationError, quantize


def main(
    folder: Annotated[Path, typer.Argument(help="Hugging Face folder: config.json, tokenizer.json, *.safetensors.")],
    file: Annotated[Path, typer.Argument(help="The GGUF file to write; it must not exist.")],
    quantization: Annotated[
        Quantization, typer.Option(help="llama.cpp's name for how a weight is kept.")
    ] = Quantization.Q4_K_M,
) -> None:
    """Make one GGUF file of a model, and say how large it is."""
    try:
        made = quantize(folder, file, quantization)
    except QuantizationError as error:
        console.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    share = made.file_bytes / made.given_bytes
    console.print(f"{made.file}: {made.file_bytes} bytes, {share:.0%} of the folder's {made.given_bytes}", markup=False)


if __name__ == "__main__":
    typer.run(main)
