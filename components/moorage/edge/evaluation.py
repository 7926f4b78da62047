"""How well, and how fast, a classifier does on questions that it was not trained on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moorage.edge.intent_classifier import IntentClassifier
from moorage.edge.question_pairs import records


@dataclass(frozen=True)
class Asked:
    """A text, and the question that it asks for in other words: none where it is none of those."""

    text: str
    question: str | None


@dataclass(frozen=True)
class Evaluation:
    """Ratios are of 1."""

    known: int
    answered_right: int
    answered_wrong: int
    """Known ones that got the answer to another."""
    unknown: int
    answered_falsely: int
    """Unknown ones that got an answer."""
    p50_milliseconds: float
    p99_milliseconds: float


def read_asked(path: Path) -> list[Asked]:
    """One JSON object a line: `text`, and `question`, which may be null.

    Raises:
        ValueError: a line is no such object.
    """
    return records(path.read_text(encoding="utf-8"), "`text` and `question`", lambda record: Asked(**record))


def evaluate(classifier: IntentClassifier, asked: Sequence[Asked], answers: Mapping[str, str]) -> Evaluation:
    """`answers` has the right one to each question."""
    found: list[tuple[Asked, str | None]] = []
    milliseconds: list[float] = []
    for one in asked:
        begin = time.perf_counter()
        found.append((one, classifier.answer(one.text)))
        milliseconds.append(1000 * (time.perf_counter() - begin))
    known = [(one.question, answer) for one, answer in found if one.question is not None]
    unknown = [answer for one, answer in found if one.question is None]
    milliseconds.sort()
    return Evaluation(
        known=len(known),
        answered_right=sum(answer == answers[question] for question, answer in known),
        answered_wrong=sum(answer is not None and answer != answers[question] for question, answer in known),
        unknown=len(unknown),
        answered_falsely=sum(answer is not None for answer in unknown),
        p50_milliseconds=milliseconds[len(milliseconds) // 2],
        p99_milliseconds=milliseconds[int(0.99 * len(milliseconds))],
    )
