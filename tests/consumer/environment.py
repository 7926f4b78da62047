"""An environment of another team: one extra's pinned needs, and the wheel of this checkout."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tools.bootstrap.environments import uv
from tools.bootstrap.paths import ROOT, TOOLS


def build_wheel(folder: Path) -> Path:
    """Of the library, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("moorage-*.whl")
    return wheel


def consumer_environment(folder: Path, extra: str, wheel: Path) -> Path:
    """Its Python. The needs are linked, since three sets of them are large; the wheel is installed."""
    needs = TOOLS / f"consumer-{extra}"
    assert needs.exists(), "set-up has not made it: python -m tools.bootstrap.consumers"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (linked,) = needs.glob("lib/python*/site-packages")
    for entry in linked.iterdir():
        if entry.suffix == ".dist-info":  # uv does not look behind links for these
            shutil.copytree(entry, packages / entry.name)
        else:
            (packages / entry.name).symlink_to(entry)
    python = folder / "bin" / "python"
    _uv("install", "--no-deps", str(wheel), python=python)
    _uv("check", python=python)
    return python


def _uv(*arguments: str, python: Path) -> None:
    command = [uv(), "pip", *arguments, "--offline", "--python", str(python)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
