"""`python -m tools.bootstrap.serverless`: what runs in a function of AWS Lambda, as programs of this machine."""

import sys

import typer

from tools.bootstrap.command import SetupError, console
from tools.bootstrap.lambda_web_adapter import install_lambda_web_adapter
from tools.bootstrap.llama_cpp import install_llama_cpp


def main() -> None:
    """Brings both, one build after the other, since each uses all cores."""
    try:
        install_lambda_web_adapter()
        install_llama_cpp()
    except SetupError as error:
        console.print(f"setup: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
