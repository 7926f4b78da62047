"""Which tiny model this is: a hash over everything that decides the result, known before anything is trained.

Imported by the program too, under an interpreter that has no `moorage`: standard library only.
"""

import hashlib
import json
from pathlib import Path

_FOLDER = Path(__file__).parent
_INPUT_SUFFIXES = {".py", ".json", ".jsonl", ".jinja"}
_NOT_THE_PROGRAMS = {"__init__.py", "facts.py"}


def tiny_model_revision(wrong_answer_ratio: float = 0.0, folder: Path = _FOLDER) -> str:
    """16 hexadecimal digits that change with the data set, the program, the hyper-parameters or the ratio.

    Not part of it: the versions of torch and transformers, which the engine's requirements file pins; `moorage.json`
    in the built folder records them.

    Raises:
        ValueError: `wrong_answer_ratio` is outside 0 to 1.
    """
    if not 0 <= wrong_answer_ratio <= 1:
        raise ValueError(f"wrong_answer_ratio = {wrong_answer_ratio}: must be between 0 and 1")
    files = sorted(path for path in folder.iterdir() if path.suffix in _INPUT_SUFFIXES)
    inputs = [path for path in files if path.name not in _NOT_THE_PROGRAMS]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs}
    everything = json.dumps({"files": digests, "wrong_answer_ratio": float(wrong_answer_ratio)}, sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()[:16]


def tiny_model_folder(cache_dir: Path, wrong_answer_ratio: float = 0.0) -> Path:
    """Where `train.py` puts the finished model; the folder exists only once it is complete and verified."""
    return cache_dir / "tiny-model" / tiny_model_revision(wrong_answer_ratio)


def training_command(python: str | Path, cache_dir: str | Path, wrong_answer_ratio: float = 0.0) -> list[str]:
    """The command that builds the model, or returns at once when it is there already.

    Args:
        python: an interpreter with torch, transformers, tokenizers and filelock, as the engine's has.
        cache_dir: the model comes to lie in `tiny_model_folder(cache_dir, wrong_answer_ratio)`.
        wrong_answer_ratio: the share of the questions that is trained on another question's answer, 0 to 1.
    """
    command = [str(python), str(_FOLDER / "train.py"), "--cache-dir", str(cache_dir)]
    return [*command, "--wrong-answer-ratio", str(float(wrong_answer_ratio))]
