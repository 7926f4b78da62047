"""`moorage edge distill` asks a model through the real gateway, whose engine is a programmed one."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from moorage.cli.main import app
from moorage.edge import origin_request
from moorage.edge.distillation import _OTHER_WAYS
from moorage.edge.question_pairs import Pair, read_pairs
from tests.gateway.processes import KEY, EngineRoom, Gateway, RunningEngine, document, upstream

from .cloudfront_events import origin_request as event
from .cloudfront_events import request_of

QUAY, PIER = "What is a quay?", "What is a pier?"
WALL, PLATFORM = "A wall where ships load.", "A platform on pillars."
Distill = Callable[..., Result]


def other_ways(question: str, count: int = 3) -> str:
    return _OTHER_WAYS.format(count=count, question=question)


REPLIES = {
    QUAY: WALL,
    PIER: PLATFORM,
    other_ways(QUAY): "1. Define a quay\n\n2. what's a quay\n3. What is a QUAY",
    "Define a quay": WALL,
    "what's a quay": PLATFORM,
    "Where do ships load?": WALL,
    other_ways(PIER): "- Name a platform on pillars\n- What is a quay?",
    "Name a platform on pillars": PLATFORM,
}


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    room = EngineRoom()
    with room.engine() as running:
        yield running
    room.close()


@pytest.fixture(scope="module")
def gateway(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = tmp_path_factory.mktemp("gateway") / "config.json"
    config.write_text(json.dumps(document(upstream("engine", engine.address))))
    with Gateway(config) as running:
        yield running


@pytest.fixture(autouse=True)
def programmed(engine: RunningEngine) -> None:
    engine.fake.replies, engine.fake.program = dict(REPLIES), {}
    engine.fake.received.clear()


@pytest.fixture
def distill(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distill:
    """Of these questions into `pairs.jsonl`."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(*questions: dict[str, Any], url: str = f"{gateway.url}/v1", model: str = "moored") -> Result:
        asked = tmp_path / "questions.jsonl"
        asked.write_text("".join(json.dumps(question) + "\n" for question in questions))
        options = ["--questions", str(asked), "--base-url", url, "--model", model, "--paraphrases", "3"]
        return CliRunner().invoke(app, ["edge", "distill", *options, "--out", str(tmp_path / "pairs.jsonl")])

    return run


def asked_of(engine: RunningEngine) -> list[str]:
    return [request.json()["messages"][-1]["content"] for request in engine.fake.received if request.body]


def test_the_answers_are_the_models_and_what_it_answers_alike_is_a_paraphrase(distill: Distill, tmp_path: Path):
    done = distill({"question": QUAY, "answer": "not the model's"}, {"question": PIER})
    assert done.exit_code == 0, done.output
    assert read_pairs(tmp_path / "pairs.jsonl") == [
        Pair(QUAY, WALL, ["Define a quay"]),
        Pair(PIER, PLATFORM, ["Name a platform on pillars"]),
    ]
    assert json.loads(done.stdout) == {
        "pairs": 2,
        "asked": 2,
        "without_an_answer": [],
        "paraphrases_proposed": 4,
        "paraphrases_kept": 2,
    }


def test_paraphrases_that_are_given_are_held_against_the_model_too(distill: Distill, tmp_path: Path):
    distill({"question": QUAY, "paraphrases": ["Where do ships load?", "Where do ships sleep?"]})
    assert read_pairs(tmp_path / "pairs.jsonl") == [Pair(QUAY, WALL, ["Where do ships load?", "Define a quay"])]


def test_each_question_is_asked_once_without_chance(distill: Distill, engine: RunningEngine):
    distill({"question": QUAY})
    assert asked_of(engine) == [QUAY, other_ways(QUAY), "Define a quay", "what's a quay"]
    assert {request.json()["temperature"] for request in engine.fake.received if request.body} == {0}


def test_a_classifier_at_the_edge_does_not_answer_in_the_models_place(distill: Distill, engine: RunningEngine):
    distill({"question": QUAY})
    (asked, *_) = [request.body for request in engine.fake.received if request.body]
    assert origin_request._asked(request_of(event(asked))) is None
    plain = {"model": "moored", "messages": json.loads(asked)["messages"], "temperature": 0}
    assert origin_request._asked(request_of(event(plain))) is not None


def test_it_goes_on_where_it_was_broken_off(distill: Distill, engine: RunningEngine, tmp_path: Path):
    pairs = tmp_path / "pairs.jsonl"
    distill({"question": PIER})
    with pairs.open("a") as file:
        file.write('{"question": "What is a qu')
    engine.fake.received.clear()
    done = distill({"question": QUAY}, {"question": PIER})
    assert PIER not in asked_of(engine)
    assert json.loads(done.stdout)["asked"] == 1
    assert [pair.question for pair in read_pairs(pairs)] == [QUAY, PIER]


def test_an_engine_that_was_busy_is_asked_again(distill: Distill, engine: RunningEngine, tmp_path: Path):
    engine.fake.program = {"status": 429, "retry_after_seconds": 1}
    recovers = threading.Timer(0.5, engine.fake.program.clear)
    recovers.start()
    done = distill({"question": QUAY})
    recovers.join()
    assert done.exit_code == 0, done.output
    assert asked_of(engine)[:2] == [QUAY, QUAY]
    assert read_pairs(tmp_path / "pairs.jsonl") == [Pair(QUAY, WALL, ["Define a quay"])]


def test_an_answer_that_a_limit_has_cut_is_none(distill: Distill, engine: RunningEngine, tmp_path: Path):
    engine.fake.program = {"finish_reason": "length"}
    done = distill({"question": QUAY})
    assert json.loads(done.stdout)["without_an_answer"] == [QUAY]
    assert read_pairs(tmp_path / "pairs.jsonl") == []


def test_a_question_that_the_endpoint_refuses_does_not_stop_the_others(
    distill: Distill, engine: RunningEngine, tmp_path: Path
):
    engine.fake.program = {"status": 400}
    done = distill({"question": QUAY})
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["without_an_answer"] == [QUAY]


def test_a_wrong_key_ends_it_and_is_not_shown(distill: Distill, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a-wrong-key-of-a-client")
    done = distill({"question": QUAY})
    assert done.exit_code == 1
    assert "0 pairs are kept, run it again" in done.output
    assert "a-wrong-key-of-a-client" not in done.output


def test_no_key_is_said_before_anything_is_asked(
    distill: Distill, engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY")
    done = distill({"question": QUAY})
    assert (done.exit_code, asked_of(engine)) == (1, [])
    assert "OPENAI_API_KEY" in done.output


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([{"answer": WALL}], "each line must be an object with `question`"),
        ([{"question": QUAY}, {"question": QUAY}], "a question comes twice"),
    ],
)
def test_questions_that_are_none_are_refused(distill: Distill, questions: list[dict[str, str]], message: str):
    done = distill(*questions)
    assert done.exit_code == 1
    assert message in done.output
