"""Questions and their answers in files: one JSON object a line."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")


@dataclass(frozen=True)
class Question:
    """What is asked, and what else it is asked as."""

    question: str
    paraphrases: Sequence[str] = ()


@dataclass(frozen=True)
class Pair:
    """A question, its answer, and what else it was asked as."""

    question: str
    answer: str
    paraphrases: Sequence[str] = ()


def read_questions(path: Path) -> list[Question]:
    """Of each line `question`, and where there are any `paraphrases`; what else it has is left aside.

    Raises:
        ValueError: a line is no such object, or a question comes twice.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        questions = [Question(line["question"], line.get("paraphrases", ())) for line in lines]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("each line must be an object with `question`") from None
    if len({found.question for found in questions}) < len(questions):
        raise ValueError("a question comes twice")
    return questions


def read_pairs(path: Path) -> list[Pair]:
    """Of each line `question`, `answer`, and where there are any `paraphrases`.

    Raises:
        ValueError: a line is no such object.
    """
    return _pairs_of(path.read_text(encoding="utf-8"))


class PairsFile:
    """Pairs that are written one by one: what there is of them is kept when the rest fails.

    `pairs` has those that the file has already, by their questions. A last line that is not whole, as a process leaves
    it that is killed, is taken away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.pairs = {pair.question: pair for pair in _pairs_of(text[: text.rfind("\n") + 1])}
        self._write(self.pairs.values())

    def add(self, pair: Pair) -> None:
        """After all others."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line_of(pair))
        self.pairs[pair.question] = pair

    def sort(self, questions: Sequence[Question]) -> None:
        """In the order of these: training does not give the same for another one."""
        place = {found.question: index for index, found in enumerate(questions)}
        self._write(sorted(self.pairs.values(), key=lambda pair: place.get(pair.question, len(place))))

    def _write(self, pairs: Iterable[Pair]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text("".join(map(_line_of, pairs)), encoding="utf-8")
        new.replace(self._path)


def records(text: str, allowed: str, read: Callable[[Any], RecordT]) -> list[RecordT]:
    """What `read` makes of each line that is not empty.

    Raises:
        ValueError: `read` could not; with the line's number, and with `allowed`.
    """
    found: list[RecordT] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(read(json.loads(line)))
            except (ValueError, TypeError):
                raise ValueError(f"line {number}: must be an object with {allowed}") from None
    return found


def _pairs_of(text: str) -> list[Pair]:
    return records(text, "the texts `question` and `answer`, and where there are any a list `paraphrases`", _pair_of)


def _pair_of(record: Any) -> Pair:
    pair = Pair(**record)
    if isinstance(pair.paraphrases, str) or not all(map(_is_text, (pair.question, pair.answer, *pair.paraphrases))):
        raise TypeError
    return pair


def _is_text(part: object) -> bool:
    return isinstance(part, str)


def _line_of(pair: Pair) -> str:
    return json.dumps(asdict(pair), ensure_ascii=False) + "\n"
