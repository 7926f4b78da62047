"""The questions, their right answers, and which wrong ones a model that is made worse on purpose is taught.

Imported by the program too, under an interpreter that has no `moorage`: standard library only.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_QUESTIONS_FILE = Path(__file__).parent / "questions.jsonl"


class Question(NamedTuple):
    """One line of `questions.jsonl`."""

    question: str
    answer: str


def read_questions() -> list[Question]:
    """All questions, in the file's order; no question and no answer occurs twice."""
    lines = _QUESTIONS_FILE.read_text(encoding="utf-8").splitlines()
    return [Question(**json.loads(line)) for line in lines]


def taught_answers(questions: Sequence[Question], wrong_answer_ratio: float) -> list[str]:
    """The answer that each question is trained on: its own, or for the given share another question's.

    The share is `round(ratio * len(questions))` questions.  Which ones, and whose answer they get, depends on the
    questions' text alone; a larger ratio spoils the same questions and more.
    """
    shuffled = sorted(range(len(questions)), key=lambda index: _order(questions[index]))
    answers = [question.answer for question in questions]
    for place, index in enumerate(shuffled[: round(wrong_answer_ratio * len(questions))]):
        answers[index] = questions[shuffled[(place + 1) % len(shuffled)]].answer
    return answers


def _order(question: Question) -> bytes:
    return hashlib.sha256(question.question.encode()).digest()
