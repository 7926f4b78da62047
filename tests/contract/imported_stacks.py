"""Imports whatever stacks of every cloud are built with: what takes most of the time of building one."""

import importlib
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "infra"

sys.path.insert(0, str(PROGRAM))
for path in sorted(PROGRAM.glob("[!_]*.py")):
    importlib.import_module(path.stem)
