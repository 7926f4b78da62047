"""The tiny model, built before a test needs it: on a machine that is busy serving, training takes minutes."""

import subprocess
from pathlib import Path

from tools.bootstrap.paths import CACHE

from moorage.local.tiny_model import tiny_model_folder, training_command
from tests.checkout import ROOT

_ENGINE_PYTHON = ROOT / ".tools" / "engine" / "bin" / "python"


def built_tiny_model(wrong_answer_ratio: float = 0.0) -> Path:
    """The folder, where a stack finds it too."""
    subprocess.run(training_command(_ENGINE_PYTHON, CACHE, wrong_answer_ratio), check=True)
    return tiny_model_folder(CACHE, wrong_answer_ratio)
