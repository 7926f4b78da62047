"""`moorage edge distill` asks the tiny model in real vLLM, and what it says trains the classifier of the edge."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import moorage.local.tiny_model
from moorage.cli.main import app
from moorage.edge.question_pairs import read_pairs
from tests.checkout import Checkout

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

QUESTIONS = Path(moorage.local.tiny_model.__file__).parent / "questions.jsonl"


def run(*arguments: str) -> dict[str, float]:
    result = CliRunner().invoke(app, ["edge", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_models_answers_train_a_classifier_that_gives_them(
    stack: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outputs = stack.outputs()
    monkeypatch.setenv("OPENAI_API_KEY", outputs["api_key"])
    pairs, classifier = tmp_path / "pairs.jsonl", tmp_path / "classifier.json"
    endpoint = ["--base-url", outputs["endpoint_url"], "--model", outputs["model"]]
    run("distill", "--questions", str(QUESTIONS), *endpoint, "--paraphrases", "2", "--out", str(pairs))
    assert {pair.question: pair.answer for pair in read_pairs(pairs)} == {
        pair.question: pair.answer for pair in read_pairs(QUESTIONS)
    }
    run("train", "--pairs", str(pairs), "--out", str(classifier))
    asked = Path(__file__).parents[1] / "edge" / "asked_afterwards.jsonl"
    found = run("measure", "--classifier", str(classifier), "--pairs", str(pairs), "--asked", str(asked))
    assert (found["answered_right"], found["answered_wrong"]) == (found["known"], 0)
