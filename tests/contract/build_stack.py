"""Runs the program in a process of its own, as Pulumi would, on mocks; prints what it took and what it made as JSON.

The stack's configuration is in PULUMI_CONFIG, its name may be in PULUMI_STACK; PYTHONPATH has the checkout and infra/.
"""

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import pulumi

from tests.contract.recording import STACK, Secret, arns_of, run_program, value_of

PROGRAM = Path(__file__).parents[2] / "infra" / "__main__.py"


def main() -> None:
    exported: dict[str, Any] = {}
    logged: list[str] = []
    pulumi.export = exported.__setitem__
    pulumi.log.info = pulumi.log.warn = lambda message, *_: logged.append(message)
    # Of the processor: a busy machine is no slow program.
    started = time.process_time()
    name = os.environ.get("PULUMI_STACK", STACK)
    _, made = run_program(lambda: runpy.run_path(str(PROGRAM), run_name="__main__"), stack=name)
    report = {
        "seconds": time.process_time() - started,
        "sdks": sorted({name.partition(".")[0] for name in sys.modules if name.startswith("pulumi_")}),
        "outputs": {name: value_of(value) for name, value in exported.items() if isinstance(value, pulumi.Output)},
        "plain_outputs": {name: value for name, value in exported.items() if not isinstance(value, pulumi.Output)},
        "logged": logged,
        "arns": arns_of(made),
        "registrations": [vars(registration) for registration in made.registrations],
    }
    sys.stdout.write(json.dumps(report, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    return {"secret": value.value} if isinstance(value, Secret) else repr(value)


if __name__ == "__main__":
    main()
