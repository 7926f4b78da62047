"""The tiny model's pure parts: which model it is, and what a model that is made worse on purpose is taught."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.engine import check_servable
from moorage.local.tiny_model import (
    Question,
    read_questions,
    tiny_model_facts,
    tiny_model_folder,
    tiny_model_revision,
    training_command,
)
from moorage.local.tiny_model import identity as identity_module
from moorage.local.tiny_model.questions import taught_answers
from moorage.spec import Load, parse_model

QUESTIONS = read_questions()
PROGRAM_FOLDER = Path(identity_module.__file__).parent
INPUTS = ["questions.jsonl", "hyperparameters.json", "chat_template.jinja", "train.py", "learning.py", "tokenizer.py"]


def test_every_question_and_every_answer_is_unique():
    assert len(QUESTIONS) >= 60
    assert len({question.question for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question.answer for question in QUESTIONS}) == len(QUESTIONS)


@given(ratio=st.floats(0, 1))
def test_exactly_the_asked_share_is_taught_wrongly(ratio: float):
    taught = taught_answers(QUESTIONS, ratio)
    wrong = sum(answer != question.answer for answer, question in zip(taught, QUESTIONS, strict=True))
    assert wrong == round(ratio * len(QUESTIONS))


@given(ratio=st.floats(0, 1))
def test_a_wrong_answer_is_another_questions_answer_and_the_same_every_time(ratio: float):
    taught = taught_answers(QUESTIONS, ratio)
    assert set(taught) <= {question.answer for question in QUESTIONS}
    assert taught == taught_answers(QUESTIONS, ratio)


@given(ratios=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_larger_share_spoils_the_same_questions_and_more(ratios: list[float]):
    def spoilt(ratio: float) -> set[Question]:
        taught = taught_answers(QUESTIONS, ratio)
        return {question for question, answer in zip(QUESTIONS, taught, strict=True) if question.answer != answer}

    assert spoilt(ratios[0]) <= spoilt(ratios[1])


@pytest.mark.parametrize("changed", INPUTS)
def test_the_revision_changes_with_each_input(changed: str, tmp_path: Path):
    copy = shutil.copytree(PROGRAM_FOLDER, tmp_path / "program")
    before = tiny_model_revision(folder=copy)
    with (copy / changed).open("a") as file:
        file.write("\n")
    assert tiny_model_revision(folder=copy) != before


def test_the_revision_changes_with_the_share_of_wrong_answers():
    assert tiny_model_revision(0.0) != tiny_model_revision(0.3)


def test_the_revision_does_not_depend_on_where_the_program_lies_or_on_its_bytecode(tmp_path: Path):
    copy = shutil.copytree(PROGRAM_FOLDER, tmp_path / "program")
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"anything")
    assert tiny_model_revision(folder=copy) == tiny_model_revision()


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(ratio: float):
    with pytest.raises(ValueError, match=r"wrong_answer_ratio = .* between 0 and 1"):
        tiny_model_revision(ratio)


def test_the_command_runs_a_file_that_exists_under_the_given_interpreter(tmp_path: Path):
    python, program, *arguments = training_command("/engine/bin/python", tmp_path, 0.25)
    assert python == "/engine/bin/python"
    assert Path(program).is_file()
    assert arguments == ["--cache-dir", str(tmp_path), "--wrong-answer-ratio", "0.25"]


def test_models_of_different_revisions_lie_side_by_side(tmp_path: Path):
    right, wrong = tiny_model_folder(tmp_path), tiny_model_folder(tmp_path, 0.5)
    assert right.parent == wrong.parent == tmp_path / "tiny-model"
    assert right.name == tiny_model_revision()
    assert right != wrong


def test_the_shape_leaves_room_for_long_streams():
    shape = json.loads((PROGRAM_FOLDER / "hyperparameters.json").read_text())
    assert shape["max_position_embeddings"] >= 512


def test_the_memory_of_the_tiny_model_is_known_before_it_is_built():
    facts = tiny_model_facts()
    assert facts.weight_bytes < 5_000_000
    check_servable(parse_model({"source": "/model"}), facts, Load(), device="cpu")
