"""Runs a program as in a preview and prints, in JSON, what it registers and what it has imported.

Usage: registered.py PROGRAM
"""

import json
import runpy
import sys

import pulumi
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

import moorage
from moorage.cli.recording import run_program


class NoProviders(Mocks):
    """Knows nothing but what the program says."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, object]]:
        return None, args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], None]:
        raise AssertionError(f"{args.token}: components call no provider functions")


def main(program: str) -> None:
    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    _, recording = run_program(run, NoProviders(), project="consumer", stack="test", preview=True)
    found = {
        "library": moorage.__file__,
        "sdk": pulumi.__file__,
        "types": [registration.type for registration in recording.registrations],
        "imported": sorted({name.partition(".")[0] for name in sys.modules}),
    }
    sys.stdout.write(json.dumps(found))


main(sys.argv[1])
