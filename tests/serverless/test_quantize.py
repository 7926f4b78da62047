"""`python -m tools.quantize`, and what the real engine answers with what it has made."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.quantize.quantization import Quantization

from moorage.local.tiny_model import read_questions
from tests.checkout import ROOT
from tests.end_to_end.tiny_model import built_tiny_model

from .engine import running_engine

QUESTIONS = read_questions()
LEAST_EXACT_MATCH = {**dict.fromkeys(Quantization, 0.95), Quantization.BF16: 1.0, Quantization.Q8_0: 1.0}


@pytest.fixture(scope="module")
def folder() -> Path:
    return built_tiny_model()


def run_quantize(folder: Path, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.quantize", str(folder), str(file), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("quantization", LEAST_EXACT_MATCH)
def test_the_finetuned_model_answers_as_it_was_taught(folder: Path, quantization: Quantization, tmp_path: Path):
    file = tmp_path / "tiny.gguf"
    done = run_quantize(folder, file, "--quantization", quantization)
    assert done.returncode == 0, done.stdout + done.stderr
    given = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    size = file.stat().st_size
    assert done.stdout.split() == f"{file}: {size} bytes, {size / given:.0%} of the folder's {given}".split()
    with running_engine(file) as engine:
        answers = [engine.ask(question.question) for question in QUESTIONS]
    right = sum(answer == question.answer for answer, question in zip(answers, QUESTIONS, strict=True))
    print(f"{quantization}: {size} bytes, {right} of {len(QUESTIONS)} exactly right")  # noqa: T201 - a measurement
    assert right / len(QUESTIONS) >= LEAST_EXACT_MATCH[quantization]


def test_fewer_bits_make_a_smaller_file(folder: Path, tmp_path: Path):
    sizes: list[int] = []
    for quantization in (Quantization.BF16, Quantization.Q8_0, Quantization.Q4_0):
        file = tmp_path / f"{quantization}.gguf"
        assert run_quantize(folder, file, "--quantization", quantization).returncode == 0
        sizes.append(file.stat().st_size)
    assert sizes == sorted(sizes, reverse=True)


def test_a_folder_without_a_model_is_refused_with_all_that_is_missing(tmp_path: Path):
    done = run_quantize(tmp_path, tmp_path / "model.gguf")
    assert done.returncode == 1
    assert "config.json, tokenizer.json, *.safetensors must be in it" in " ".join(done.stdout.split())


def test_a_file_that_exists_is_left_alone(folder: Path, tmp_path: Path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"mine")
    assert run_quantize(folder, file).returncode == 1
    assert file.read_bytes() == b"mine"


def test_a_model_that_cannot_be_converted_leaves_nothing_behind(tmp_path: Path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (broken / name).write_text("{}")
    (broken / "model.safetensors").write_bytes(b"")
    done = run_quantize(broken, tmp_path / "model.gguf")
    assert done.returncode == 1
    assert "llama.cpp could not convert the model" in " ".join(done.stdout.split())
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_a_quantization_that_nobody_knows_is_refused_with_those_that_are(folder: Path, tmp_path: Path):
    done = run_quantize(folder, tmp_path / "model.gguf", "--quantization", "Q1_XS")
    assert done.returncode == 2
    assert all(known in done.stderr for known in Quantization)
