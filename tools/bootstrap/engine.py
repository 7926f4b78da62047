"""Installs vLLM into an environment of its own: its pins and ours need not agree, and all checkouts share it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from tools.bootstrap.command import run, say
from tools.bootstrap.paths import CACHE, REQUIREMENTS, link

STEP = "engine"


def install_engine() -> None:
    """Makes `.tools/engine` an environment with vLLM: its GPU build beside an NVIDIA GPU, else the CPU build."""
    requirements = REQUIREMENTS / ("engine-cuda.txt" if _has_nvidia_gpu() else "engine-cpu.txt")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()[:12]
    directory = CACHE / f"{requirements.stem}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "engine.lock"):
        if not (directory / "complete").exists():
            _install(requirements, directory)
    link("engine", directory)


def _install(requirements: Path, directory: Path) -> None:
    uv = os.environ["UV"]
    hint = "The package index could not deliver vLLM; about 6 GiB of disk are needed."
    say(STEP, f"installing vLLM ({requirements.stem}) into the cache, once per machine")
    run(f"{STEP}-environment", [uv, "venv", "--clear", "--python", sys.executable, str(directory)], hint=hint)
    python = str(directory / "bin" / "python")
    # The file pins the whole set; torch's plain build stands in for the +cpu one, which a resolver would refuse.
    run(
        STEP,
        [uv, "pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", str(requirements)],
        hint=hint,
    )
    (directory / "complete").touch()


def _has_nvidia_gpu() -> bool:
    command = shutil.which("nvidia-smi")
    return command is not None and subprocess.run([command, "-L"], capture_output=True).stdout.startswith(b"GPU ")
