"""`moorage edge`: the small model that answers known questions in CloudFront's locations."""

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from moorage.edge.evaluation import evaluate, read_asked
from moorage.edge.intent_classifier import IntentClassifier

edge = typer.Typer(no_args_is_help=True, help="The small model that answers known questions at the edge.")

Pairs = Annotated[
    Path, typer.Option(help="One JSON object a line: `question`, `answer`, and where there are any `paraphrases`.")
]


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
    if importlib.util.find_spec("numpy") is None:
        raise _failed("numpy is missing, which training needs: pip install numpy")
    from moorage.edge.training import read_pairs
    from moorage.edge.training import train as trained_from

    try:
        trained = trained_from(read_pairs(pairs), out, precision)
    except (OSError, ValueError, TypeError) as error:
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
        lines = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines() if line.strip()]
        answers = {line["question"]: line["answer"] for line in lines}
        found = evaluate(IntentClassifier(classifier), read_asked(asked), answers)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _failed(str(error)) from None
    typer.echo(json.dumps({"size_bytes": classifier.stat().st_size, **asdict(found)}, indent=2))


def _failed(message: str) -> typer.Exit:
    typer.secho(f"moorage edge: {message}", fg="red", err=True)
    return typer.Exit(1)
