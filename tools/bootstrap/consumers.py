"""`python -m tools.bootstrap.consumers`: what the wheel needs for one cloud, for tests that use it from outside."""

import sys

import typer

from tools.bootstrap.command import SetupError, console
from tools.bootstrap.environments import make_environment
from tools.bootstrap.paths import REQUIREMENTS, link

STEP = "consumers"
EXTRAS = ("kubernetes", "aws", "gcp")


def main() -> None:
    """Makes `.tools/consumer-<extra>` an environment with what that extra of the library asks for, without it."""
    try:
        for extra in EXTRAS:
            requirements = REQUIREMENTS / f"consumer-{extra}.txt"
            hint = "The package index could not deliver it; about 1 GiB of disk is needed for all three."
            link(requirements.stem, make_environment(STEP, requirements, what=f"moorage[{extra}]'s needs", hint=hint))
    except SetupError as error:
        console.print(f"setup: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
