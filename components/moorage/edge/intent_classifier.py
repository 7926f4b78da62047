"""A small model of questions that are known: hashed words and pieces of words, one linear layer, eight bits a weight.

Runs in Lambda@Edge: the standard library alone.
"""

import array
import base64
import difflib
import itertools
import json
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

UNKNOWN_WORD = "<unknown>"
_WORD = re.compile(r"[^\W_]+")
_PIECE_LENGTHS = (3, 4)
_LEAST_LIKENESS = 0.8


class Intent(NamedTuple):
    """What a question was taken for."""

    answer: str
    """Empty for none of those that are known."""
    confidence: float


class IntentClassifier:
    """As `moorage edge train` has written it."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self.threshold: float = document["threshold"]
        self._answers: Sequence[str] = document["answers"]
        self._buckets: int = document["buckets"]
        self._words = frozenset[str](document["words"])
        self._fillers = frozenset[str](document["fillers"])
        self._words_of_answers: Sequence[Sequence[str]] = document["words_of_answers"]
        self._temperature: float = document["temperature"]
        self._scales: Sequence[float] = document["scales"]
        self._biases: Sequence[float] = document["biases"]
        self._weights = array.array("b", base64.b64decode(document["weights"]))

    def classify(self, question: str) -> Intent:
        """The likeliest, whether or not it is above the threshold."""
        classes = len(self._biases)
        sums = [0.0] * classes
        for bucket, value in vector(features(question, self._words), self._buckets).items():
            begin = bucket * classes
            row = self._weights[begin : begin + classes]
            sums = [total + value * weight for total, weight in zip(sums, row, strict=True)]
        scores = [
            (total * scale + bias) / self._temperature
            for total, scale, bias in zip(sums, self._scales, self._biases, strict=True)
        ]
        best = max(range(classes), key=scores.__getitem__)
        confidence = 1 / sum(math.exp(score - scores[best]) for score in scores)
        return Intent(self._answers[best], confidence)

    def answer(self, question: str) -> str | None:
        """None for what is not known well enough."""
        intent = self.classify(question)
        if not intent.answer or intent.confidence < self.threshold:
            return None
        own = self._words_of_answers[self._answers.index(intent.answer)]
        return intent.answer if says_nothing_else(question, own, self._fillers) else None


def open_classifier(path: Path) -> IntentClassifier:
    """Raises `ValueError` for a file that is no model."""
    try:
        classifier = IntentClassifier(path)
        classifier.classify("What is a file that is no model?")
    except (ValueError, TypeError, LookupError):
        raise ValueError("is no model that `moorage edge train` has written") from None
    return classifier


def says_nothing_else(text: str, own: Sequence[str], fillers: frozenset[str]) -> bool:
    """Whether each word is one of the question's, or says nothing, and the numbers are the same.

    A linear layer takes the largest port in Asia for the one in Europe: all words but one are the same. That one word
    is what decides.
    """
    words = words_of(text)
    if {word for word in words if word.isdigit()} != {word for word in own if word.isdigit()}:
        return False
    return all(
        word in own or word in fillers or bool(difflib.get_close_matches(word, own, 1, _LEAST_LIKENESS))
        for word in words
    )


def words_of(text: str) -> list[str]:
    """In lower case, without what is neither a letter nor a digit."""
    return _WORD.findall(text.lower().replace("'s ", " "))


def features(text: str, known_words: frozenset[str]) -> list[str]:
    """Words, pairs of words and pieces of words; words that training has not seen say so."""
    words = words_of(text)
    pairs = [f"{left} {right}" for left, right in itertools.pairwise(words)]
    unknown = [UNKNOWN_WORD for word in words if word not in known_words]
    pieces = [
        f"#{padded[begin : begin + length]}"
        for padded in (f"^{word}$" for word in words)
        for length in _PIECE_LENGTHS
        for begin in range(len(padded) - length + 1)
    ]
    return [*words, *words, *pairs, *unknown, *unknown, *unknown, *pieces]


def vector(found: Sequence[str], buckets: int) -> dict[int, float]:
    """Of length one, by bucket."""
    counts: dict[int, int] = {}
    for feature in found:
        bucket = zlib.crc32(feature.encode()) % buckets
        counts[bucket] = counts.get(bucket, 0) + 1
    length = math.sqrt(sum(counts.values())) or 1.0
    return {bucket: math.sqrt(count) / length for bucket, count in counts.items()}
