"""Installs vLLM."""

import shutil
import subprocess

from tools.bootstrap.environments import make_environment
from tools.bootstrap.paths import REQUIREMENTS, link

STEP = "engine"


def install_engine() -> None:
    """Makes `.tools/engine` an environment with vLLM: its GPU build beside an NVIDIA GPU, else the CPU build."""
    requirements = REQUIREMENTS / ("engine-cuda.txt" if _has_nvidia_gpu() else "engine-cpu.txt")
    hint = "The package index could not deliver vLLM; about 6 GiB of disk are needed."
    link("engine", make_environment(STEP, requirements, what=f"vLLM ({requirements.stem})", hint=hint))


def _has_nvidia_gpu() -> bool:
    command = shutil.which("nvidia-smi")
    return command is not None and subprocess.run([command, "-L"], capture_output=True).stdout.startswith(b"GPU ")
