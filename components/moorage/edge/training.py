"""Trains a classifier of questions, and writes it as `IntentClassifier` reads it. Needs numpy."""

import base64
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moorage.edge.examples_of_questions import FILLERS, NONE, Example, examples_of
from moorage.edge.intent_classifier import features, vector, words_of
from moorage.edge.question_pairs import Pair

Matrix = NDArray[np.float32]
_BUCKETS = 4096
_STEPS = 250
_STEP_SIZE = 0.2
_DECAY = 1e-4
_SEED = 7
_HELD_OUT_RATIO = 0.2
_TEMPERATURES = tuple(value / 20 for value in range(4, 41))
_LEAST_THRESHOLD = 0.5
_LEAST_PAIRS = 2


@dataclass(frozen=True)
class Trained:
    """What was written, and what was found on examples that were held out."""

    size_bytes: int
    threshold: float
    precision: float
    """Of what is answered."""
    coverage: float
    """Of what should be answered."""


def train(pairs: Sequence[Pair], out: Path, precision: float) -> Trained:
    """The lowest threshold with this precision on held-out examples; the same file for the same pairs.

    Raises:
        ValueError: there are too few to tell one from another, or no threshold reaches it.
    """
    if len(pairs) < _LEAST_PAIRS:
        raise ValueError(f"has {len(pairs)} pairs; must have at least {_LEAST_PAIRS}, which are told from each other")
    examples = examples_of([pair.question for pair in pairs], [pair.paraphrases for pair in pairs], _SEED)
    random.Random(_SEED).shuffle(examples)  # noqa: S311
    cut = round(len(examples) * _HELD_OUT_RATIO)
    held_out, taught = examples[:cut], examples[cut:]
    words = frozenset(word for pair in pairs for text in (pair.question, *pair.paraphrases) for word in words_of(text))
    classes = len(pairs) + 1
    weights, biases = _fitted(_inputs(taught, words), _labels(taught, classes), classes)
    scales = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127
    quantized: NDArray[np.int8] = np.asarray(np.rint(weights / scales), dtype=np.int8)
    scores = _inputs(held_out, words) @ np.asarray(quantized * scales, dtype=np.float32) + biases
    labels = _labels(held_out, classes)
    temperature = min(_TEMPERATURES, key=lambda value: _loss(scores / value, labels))
    threshold, reached, coverage = _threshold(_softmax(scores / temperature), labels, precision)
    document = {
        "version": 1,
        "buckets": _BUCKETS,
        "answers": [*(pair.answer for pair in pairs), ""],
        "words": sorted(words),
        "fillers": sorted(FILLERS),
        "words_of_answers": [
            sorted({word for text in (pair.question, *pair.paraphrases) for word in words_of(text)}) for pair in pairs
        ],
        "temperature": temperature,
        "threshold": threshold,
        "scales": [float(scale) for scale in scales],
        "biases": [float(bias) for bias in biases],
        "weights": base64.b64encode(quantized.tobytes()).decode(),
    }
    out.write_text(json.dumps(document), encoding="utf-8")
    return Trained(out.stat().st_size, threshold, reached, coverage)


def _inputs(examples: Sequence[Example], words: frozenset[str]) -> Matrix:
    matrix = np.zeros((len(examples), _BUCKETS), np.float32)
    for row, example in enumerate(examples):
        for bucket, value in vector(features(example.text, words), _BUCKETS).items():
            matrix[row, bucket] = value
    return matrix


def _labels(examples: Sequence[Example], classes: int) -> NDArray[np.int64]:
    return np.array([classes - 1 if example.intent == NONE else example.intent for example in examples])


def _fitted(inputs: Matrix, labels: NDArray[np.int64], classes: int) -> tuple[Matrix, Matrix]:
    """Softmax regression by Adam on all examples at once; each class weighs alike, but for `none`, which is broad."""
    counts = np.bincount(labels, minlength=classes)
    importance = (1 / np.maximum(counts, 1))[labels]
    importance[labels == classes - 1] *= classes / 2
    importance = (importance / importance.sum())[:, None].astype(np.float32)
    targets = np.eye(classes, dtype=np.float32)[labels]
    parameters = [np.zeros((inputs.shape[1], classes), np.float32), np.zeros(classes, np.float32)]
    means = [np.zeros_like(parameter) for parameter in parameters]
    squares = [np.zeros_like(parameter) for parameter in parameters]
    for step in range(1, _STEPS + 1):
        error = (_softmax(inputs @ parameters[0] + parameters[1]) - targets) * importance
        gradients = [inputs.T @ error + _DECAY / inputs.shape[1] * parameters[0], error.sum(axis=0)]
        for index, gradient in enumerate(gradients):
            means[index] = 0.9 * means[index] + 0.1 * gradient
            squares[index] = 0.999 * squares[index] + 0.001 * gradient**2
            mean, square = means[index] / (1 - 0.9**step), squares[index] / (1 - 0.999**step)
            parameters[index] -= _STEP_SIZE * mean / (np.sqrt(square) + 1e-8)
    return parameters[0], parameters[1]


def _softmax(scores: Matrix) -> Matrix:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _loss(scores: Matrix, labels: NDArray[np.int64]) -> float:
    return float(-np.log(_softmax(scores)[np.arange(len(labels)), labels] + 1e-12).mean())


def _threshold(chances: Matrix, labels: NDArray[np.int64], precision: float) -> tuple[float, float, float]:
    none = chances.shape[1] - 1
    best, confidence = chances.argmax(axis=1), chances.max(axis=1)
    for threshold in np.arange(_LEAST_THRESHOLD, 1.0, 0.01):
        answered = (best != none) & (confidence >= threshold)
        right = answered & (best == labels)
        if answered.any() and right.sum() / answered.sum() >= precision:
            return float(threshold), float(right.sum() / answered.sum()), float(right.sum() / (labels != none).sum())
    raise ValueError(f"no threshold answers with a precision of {precision}; the questions are too much alike")
