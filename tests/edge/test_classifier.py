"""The model of the repository's own questions: trained by the command, and measured on what it was not trained on.

`asked.jsonl` showed what a linear layer alone gets wrong, and the rule about other words came of it;
`asked_afterwards.jsonl` was written after that rule, and before it was run.
"""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import moorage.local.tiny_model
from moorage.cli.main import app

PAIRS = Path(moorage.local.tiny_model.__file__).parent / "questions.jsonl"
CLASSIFIER = Path(__file__).parents[1] / "contract" / "edge_classifier.json"
MOST_BYTES = 500_000


def run(*arguments: str) -> dict[str, float]:
    result = CliRunner().invoke(app, ["edge", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("edge") / "classifier.json"
    trained = run("train", "--pairs", str(PAIRS), "--out", str(out))
    assert trained["precision"] >= 0.99
    return out


def measured(classifier: Path, name: str) -> dict[str, float]:
    asked = Path(__file__).with_name(name)
    return run("measure", "--classifier", str(classifier), "--pairs", str(PAIRS), "--asked", str(asked))


@pytest.mark.long
def test_what_was_asked_afterwards_is_never_answered_with_something_else(classifier: Path):
    found = measured(classifier, "asked_afterwards.jsonl")
    assert found["answered_wrong"] == found["answered_falsely"] == 0
    assert found["answered_right"] / found["known"] >= 0.8


@pytest.mark.long
def test_hard_neighbours_of_known_questions_go_to_the_model(classifier: Path):
    found = measured(classifier, "asked.jsonl")
    assert found["answered_wrong"] == 0
    assert found["answered_falsely"] / found["unknown"] <= 0.03
    assert found["answered_right"] / found["known"] >= 0.4


@pytest.mark.long
def test_it_is_small(classifier: Path):
    assert classifier.stat().st_size <= MOST_BYTES


PAIR = '{"question": "What is a quay?", "answer": "A wall."}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PAIR + '{"question": "What?"}\n', "line 2: must be an object with the texts `question` and `answer`"),
        (PAIR + '{"question": "What?", "answer": 5}\n', "line 2: must be an object with the texts"),
        (PAIR + '{"question": "What?", "answer": "That.", "paraphrases": "Which?"}\n', "line 2: must be an object"),
        (PAIR + '\n{"question": \n', "line 3: must be an object"),
        (PAIR, "has 1 pairs; must have at least 2, which are told from each other"),
    ],
)
def test_pairs_that_are_none_are_refused_with_their_line(content: str, message: str, tmp_path: Path):
    broken = tmp_path / "pairs.jsonl"
    broken.write_text(content)
    result = CliRunner().invoke(app, ["edge", "train", "--pairs", str(broken), "--out", str(tmp_path / "out.json")])
    assert result.exit_code == 1
    assert f"{broken}: {message}" in result.output


def test_a_file_that_is_none_of_a_measurement_is_named():
    asked = Path(__file__).with_name("asked.jsonl")
    for name, given in (("--classifier", PAIRS), ("--pairs", asked), ("--asked", PAIRS)):
        files = {"--classifier": CLASSIFIER, "--pairs": PAIRS, "--asked": asked, name: given}
        arguments = [str(part) for pair in files.items() for part in pair]
        result = CliRunner().invoke(app, ["edge", "measure", *arguments])
        assert result.exit_code == 1
        assert f"moorage edge: {given}: " in result.output
