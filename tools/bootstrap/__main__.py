"""`python -m tools.bootstrap`: the long steps side by side, each saying how far it is."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from tools.bootstrap.command import SetupError, console
from tools.bootstrap.engine import install_engine
from tools.bootstrap.pulumi_cli import install_pulumi, select_stack
from tools.bootstrap.redis import install_redis

STEPS: tuple[Callable[[], None], ...] = (install_pulumi, install_engine, install_redis)


def main(stack: Annotated[str, typer.Option(help="Stack to make known to Pulumi's backend.")] = "local") -> None:
    """Brings the Pulumi CLI, vLLM and a Redis server, and creates the stack."""
    with ThreadPoolExecutor(max_workers=len(STEPS)) as pool:
        errors = [error for future in [pool.submit(step) for step in STEPS] if (error := future.exception())]
    for error in errors:
        if not isinstance(error, SetupError):
            raise error
        console.print(f"setup: {error}", style="red", markup=False)
    if errors:
        sys.exit(1)
    select_stack(stack)


if __name__ == "__main__":
    typer.run(main)
