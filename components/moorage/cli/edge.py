"""`moorage edge`: the small model that answers known questions in CloudFront's locations."""

import asyncio
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from moorage.edge.evaluation import evaluate, read_asked
from moorage.edge.intent_classifier import open_classifier
from moorage.edge.question_pairs import PairsFile, Question, read_pairs, read_questions
from moorage.edge.signed_key import signed_key

edge = typer.Typer(
    no_args_is_help=True, help="The small model that answers known questions at the edge, and the keys of its clients."
)
FoundT = TypeVar("FoundT")
_SIGNING_SECRET = "MOORAGE_SIGNING_SECRET"  # noqa: S105

Pairs = Annotated[
    Path, typer.Option(help="One JSON object a line: `question`, `answer`, and where there are any `paraphrases`.")
]


@edge.command()
def distill(
    *,
    questions: Annotated[
        Path,
        typer.Option(
            help="One JSON object a line: `question`, and where there are any `paraphrases`, for the model to judge."
        ),
    ],
    base_url: Annotated[str, typer.Option(help="Of the model's endpoint, ending in `/v1`.")],
    model: Annotated[str, typer.Option(help="Its name there.")],
    out: Annotated[
        Path, typer.Option(help="The pairs, as `train` takes them. What it has already is not asked again.")
    ],
    paraphrases: Annotated[
        int, typer.Option(min=0, max=50, help="How many the model is to write of each question.")
    ] = 8,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="How many questions are asked about at a time.")] = 4,
) -> None:
    """Ask a finetuned model for its answers, and for other ways to ask that it answers with the same words.

    The endpoint's key is that of the environment's OPENAI_API_KEY.
    """
    _require("openai")
    try:
        asked, pairs = read_questions(questions), PairsFile(out)
    except (OSError, ValueError, TypeError) as error:
        raise _failed(str(error)) from None
    missing = [question for question in asked if question.question not in pairs.pairs]
    found = _distilled(base_url, model, missing, pairs, paraphrases, concurrency)
    pairs.sort(asked)
    typer.echo(json.dumps(found, indent=2))


def _distilled(
    base_url: str, model: str, questions: Sequence[Question], pairs: PairsFile, paraphrases: int, concurrency: int
) -> dict[str, object]:
    """What has come of it, of the questions that were asked this time."""
    import openai

    from moorage.edge.distillation import Distilled, Teacher, distil, open_client

    found: list[Distilled] = []

    async def ask() -> None:
        async with open_client(base_url) as client:
            await distil(Teacher(client, model), questions, paraphrases, concurrency, keep)

    with typer.progressbar(length=len(questions), file=typer.get_text_stream("stderr"), label="Questions") as progress:

        def keep(one: Distilled) -> None:
            found.append(one)
            if one.pair is not None:
                pairs.add(one.pair)
            progress.update(1)

        try:
            asyncio.run(ask())
        except openai.OpenAIError as error:
            raise _failed(
                f"{base_url}: {error}; {len(pairs.pairs)} pairs are kept, run it again for the others"
            ) from None
    return {
        "pairs": len(pairs.pairs),
        "asked": len(found),
        "without_an_answer": [one.question for one in found if one.pair is None],
        "paraphrases_proposed": sum(one.proposed for one in found),
        "paraphrases_kept": sum(len(one.pair.paraphrases) for one in found if one.pair is not None),
    }


@edge.command()
def train(
    *,
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help="The file for the model, which `classifier_file` takes.")],
    precision: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="How many of its answers are to be right, on held-out examples.")
    ] = 0.99,
) -> None:
    """Train the model from questions and their answers."""
    _require("numpy")
    from moorage.edge.training import train as trained_from

    given = _read(read_pairs, pairs)
    try:
        trained = trained_from(given, out, precision)
    except (OSError, ValueError) as error:
        raise _failed(f"{pairs}: {error}") from None
    typer.echo(json.dumps(asdict(trained), indent=2))


@edge.command()
def measure(
    *,
    classifier: Annotated[Path, typer.Option(help="What `train` has written.")],
    pairs: Pairs,
    asked: Annotated[
        Path, typer.Option(help="One JSON object a line: `text`, and the `question` it stands for, or null for none.")
    ],
) -> None:
    """Say how many of what nobody trained it on are answered rightly, wrongly and falsely, and how fast."""
    try:
        answers = {pair.question: pair.answer for pair in _read(read_pairs, pairs)}
        found = evaluate(_read(open_classifier, classifier), _read(read_asked, asked), answers)
    except KeyError as error:
        raise _failed(f"{asked}: {error} is no question of {pairs}") from None
    typer.echo(json.dumps({"size_bytes": classifier.stat().st_size, **asdict(found)}, indent=2))


@edge.command()
def sign() -> None:
    """Sign a key that the gateway knows: the key is the standard input's first line, and its secret the environment's
    MOORAGE_SIGNING_SECRET, which the stack has as its output `signing_secret`."""
    secret = os.environ.get(_SIGNING_SECRET)
    if not secret:
        raise _failed(f"{_SIGNING_SECRET}: is missing; must be the stack's output signing_secret")
    try:
        typer.echo(signed_key(typer.get_text_stream("stdin").readline().rstrip("\n"), secret))
    except ValueError as error:
        raise _failed(str(error)) from None


def _read(read: Callable[[Path], FoundT], path: Path) -> FoundT:
    try:
        return read(path)
    except OSError as error:
        raise _failed(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise _failed(f"{path}: {error}") from None


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise _failed(f"{package} is missing: pip install 'moorage[edge]'")


def _failed(message: str) -> typer.Exit:
    typer.secho(f"moorage edge: {message}", fg="red", err=True)
    return typer.Exit(1)
