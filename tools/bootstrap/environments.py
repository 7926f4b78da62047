"""Makes virtual environments beside the project's own, whose pins need not agree with it; all checkouts share them."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from filelock import FileLock

from tools.bootstrap.command import run, say
from tools.bootstrap.paths import CACHE, TOOLS


def make_environment(step: str, requirements: Path, *, what: str, hint: str) -> Path:
    """The folder of an environment with exactly these requirements, made once per machine.

    `requirements` is a whole set with hashes, as `compile.sh` writes it. Raises `SetupError` with `hint` when it
    cannot be installed.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()[:12]
    directory = CACHE / f"{requirements.stem}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{step}.lock"):
        if not (directory / "complete").exists():
            say(step, f"installing {what} into the cache, once per machine")
            _install(step, requirements, directory, hint)
    return directory


def _install(step: str, requirements: Path, directory: Path, hint: str) -> None:
    command = uv()
    run(f"{step}-environment", [command, "venv", "--clear", "--python", sys.executable, str(directory)], hint=hint)
    python = str(directory / "bin" / "python")
    # The file pins the whole set; torch's plain build stands in for the +cpu one, which a resolver would refuse.
    run(
        step,
        [command, "pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", str(requirements)],
        hint=hint,
    )
    (directory / "complete").touch()


def uv() -> str:
    """The one that set-up has found, where it runs this; else as it finds it."""
    return os.environ.get("UV") or shutil.which("uv") or str(TOOLS / "uv" / "bin" / "uv")
