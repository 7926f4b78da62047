"""The image's processes and the real Lambda Web Adapter against the Runtime API."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moorage.local.tiny_model import read_questions

from .environment import FunctionEnvironment, chat_event, recorded_event
from .processes import engine_of, members, repeated
from .runtime_api import STREAMING, Invocation

QUESTIONS = read_questions()
FIRST = QUESTIONS[0]
PHASES = ["process", "weights", "engine", "gateway"]


def streamed_text(invocation: Invocation) -> str:
    events = [
        line.removeprefix("data: ") for line in invocation.body.decode().splitlines() if line.startswith("data: ")
    ]
    assert events[-1] == "[DONE]", events
    return "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1])


def state_of(pid: int) -> str:
    """`T` for one that is stopped (man 5 proc)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


@contextmanager
def slowed(environment: FunctionEnvironment) -> Iterator[None]:
    """An engine that computes for a few milliseconds of every 30: the tiny model writes 5,000 tokens a second."""
    engine = engine_of(environment)

    def slow_down() -> None:
        os.kill(engine, signal.SIGSTOP)
        time.sleep(0.025)
        os.kill(engine, signal.SIGCONT)

    try:
        with repeated(slow_down):
            yield
    finally:
        assert environment.api.idle.wait(10)
        os.kill(engine, signal.SIGSTOP)  # as Lambda has done meanwhile


@pytest.mark.parametrize("kind", ["rest_api", "function_url"])
def test_a_streamed_answer_arrives_piece_by_piece(environment: FunctionEnvironment, kind: str):
    event = chat_event(kind, FIRST.question, max_tokens=300, ignore_eos=True)
    with slowed(environment):
        invocation = environment.api.invoke(event)
    assert (invocation.mode, invocation.content_type) == ("streaming", STREAMING)
    assert invocation.status == 200
    assert invocation.prelude["headers"]["content-type"].startswith("text/event-stream")
    times = [at for at, chunk in invocation.chunks if b"data: " in chunk]
    print(f"{len(times)} pieces in {times[-1] - times[0]:.3f} s")  # noqa: T201 - a measurement
    assert len(times) >= 5
    assert times[-1] - times[0] > 0.2


@pytest.mark.parametrize("kind", ["rest_api", "function_url"])
def test_a_streamed_answer_is_right(environment: FunctionEnvironment, kind: str):
    question = max(QUESTIONS, key=lambda found: len(found.answer))
    assert streamed_text(environment.api.invoke(chat_event(kind, question.question))) == question.answer


@pytest.mark.parametrize("kind", ["rest_api", "function_url"])
def test_a_whole_answer_is_one_too(environment: FunctionEnvironment, kind: str):
    invocation = environment.api.invoke(chat_event(kind, FIRST.question, stream=False))
    answer = json.loads(invocation.body)
    assert (invocation.status, answer["model"]) == (200, "tiny")
    assert answer["choices"][0]["message"]["content"] == FIRST.answer
    assert answer["usage"]["completion_tokens"] > 0


def test_a_wrong_key_is_refused(environment: FunctionEnvironment):
    invocation = environment.api.invoke(chat_event("rest_api", FIRST.question, key="wrong"))
    assert invocation.status == 401
    assert json.loads(invocation.body)["error"]["code"] == "invalid_api_key"


def test_a_question_is_answered_after_every_freeze(environment: FunctionEnvironment):
    before = environment.freezes
    for question in QUESTIONS[:5]:
        assert environment.api.idle.wait(10)
        time.sleep(2.5)  # longer than the gateway waits for the engine's answer to a probe
        invocation = environment.api.invoke(chat_event("rest_api", question.question))
        assert streamed_text(invocation) == question.answer
    assert environment.freezes >= before + 4


def test_an_environment_that_is_frozen_does_nothing(environment: FunctionEnvironment):
    assert environment.api.idle.wait(10)
    until = time.monotonic() + 10
    while (states := {pid: state_of(pid) for pid in members(environment.group)}) and set(states.values()) != {"T"}:
        assert time.monotonic() < until, states
    assert len(states) == 3  # gateway, engine, adapter


def test_a_cold_start_is_measured_by_phase(environment: FunctionEnvironment):
    (record,) = environment.records("cold_start")
    seconds = {phase: record[f"{phase}_seconds"] for phase in PHASES}
    print(f"cold start {environment.seconds['init']:.2f} s: {seconds}")  # noqa: T201 - a measurement
    assert all(found >= 0 for found in seconds.values())
    assert 0 < sum(seconds.values()) <= environment.seconds["init"]


def test_nothing_of_a_question_is_logged(environment: FunctionEnvironment):
    environment.api.invoke(chat_event("rest_api", "A question about Zanzibar?"))
    assert "Zanzibar" not in environment.log


def test_what_is_no_request_fails_as_an_invocation_so_that_its_queue_keeps_it(environment: FunctionEnvironment):
    invocation = environment.api.invoke(recorded_event("sqs"))
    assert invocation.error is not None
    assert "599" in invocation.error["errorMessage"]
    again = environment.api.invoke(chat_event("rest_api", FIRST.question))
    assert streamed_text(again) == FIRST.answer


def test_the_adapter_is_registered_as_an_extension(environment: FunctionEnvironment):
    assert environment.api.extensions == ["lambda-adapter"]
    assert environment.api.init_error is None


def test_its_end_is_quick_and_no_failure(weights: Path, tmp_path: Path):
    with FunctionEnvironment(weights, tmp_path) as environment:
        children = members(environment.group)
        os.killpg(environment.group, signal.SIGCONT)
        began = time.monotonic()
        environment.function.send_signal(signal.SIGTERM)
        assert environment.function.wait(10) == 0
        # Lambda gives what is left after SIGTERM two seconds at most.
        assert time.monotonic() - began < 2
        left = [pid for pid in members(environment.group) if pid in children]
        assert len(left) == 1  # the adapter's


def test_it_ends_with_its_engine_so_that_lambda_makes_a_new_one(weights: Path, tmp_path: Path):
    with FunctionEnvironment(weights, tmp_path) as environment:
        os.killpg(environment.group, signal.SIGCONT)
        engine = engine_of(environment)
        os.kill(engine, signal.SIGKILL)
        assert environment.function.wait(10) == 1
        assert environment.records("engine_lost")[0]["exit_code"] == -signal.SIGKILL
