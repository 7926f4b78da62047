"""The image's processes and the real Lambda Web Adapter against the Runtime API."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from moorage.aws.warm_up import warm_up_event
from moorage.local.tiny_model import read_questions
from tests.checkout import ROOT

from .environment import START_SECONDS, FunctionEnvironment, chat_event, recorded_event
from .processes import engine_of, members
from .runtime_api import STREAMING, Invocation

QUESTIONS = read_questions()
FIRST = QUESTIONS[0]
ATTEMPTS = 3
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


def pieces(invocation: Invocation) -> int:
    """Of the answer's text, so far."""
    return sum(b"data: " in chunk for _, chunk in invocation.chunks)


def begun(environment: FunctionEnvironment, kind: str, engine: int) -> Invocation:
    """An answer that Lambda has the beginning of, and whose engine has been stopped before it has written the end.

    The tiny model writes 5,000 tokens a second. A busy machine may let it come to the end nevertheless.
    """
    for _ in range(ATTEMPTS):
        assert environment.api.idle.wait(START_SECONDS)
        invocation = environment.api.begin(chat_event(kind, FIRST.question, max_tokens=300, ignore_eos=True))
        while not pieces(invocation):
            os.kill(engine, signal.SIGCONT)
            time.sleep(0.005)
            os.kill(engine, signal.SIGSTOP)
            time.sleep(0.025)
        if not invocation.done.wait(0.5):
            return invocation
    raise AssertionError("the engine was never stopped in time")


@pytest.mark.parametrize("kind", ["rest_api", "function_url"])
def test_a_streamed_answer_arrives_piece_by_piece(environment: FunctionEnvironment, kind: str):
    engine = engine_of(environment)
    invocation = begun(environment, kind, engine)
    so_far = pieces(invocation)
    os.kill(engine, signal.SIGCONT)
    assert invocation.done.wait(START_SECONDS)
    assert pieces(invocation) > so_far
    assert (invocation.mode, invocation.content_type) == ("streaming", STREAMING)
    assert invocation.status == 200
    assert invocation.prelude["headers"]["content-type"].startswith("text/event-stream")


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
        assert environment.api.idle.wait(START_SECONDS)
        time.sleep(2.5)  # longer than the gateway waits for the engine's answer to a probe
        invocation = environment.api.invoke(chat_event("rest_api", question.question))
        assert streamed_text(invocation) == question.answer
    assert environment.freezes >= before + 4


def test_an_environment_that_is_frozen_does_nothing(environment: FunctionEnvironment):
    assert environment.api.idle.wait(START_SECONDS)
    until = time.monotonic() + START_SECONDS
    while (states := {pid: state_of(pid) for pid in members(environment.group)}) and set(states.values()) != {"T"}:
        assert time.monotonic() < until, states
    assert len(states) == 3  # gateway, engine, adapter


def test_a_cold_start_is_measured_by_phase(environment: FunctionEnvironment):
    (record,) = environment.records("cold_start")
    seconds = {phase: record[f"{phase}_seconds"] for phase in PHASES}
    print(f"cold start {environment.seconds['init']:.2f} s: {seconds}")  # noqa: T201 - a measurement
    assert all(found >= 0 for found in seconds.values())
    assert 0 < sum(seconds.values()) <= environment.seconds["init"]


def test_provisioned_concurrency_is_not_ready_before_its_engine_is(weights: Path, tmp_path: Path):
    engine = tmp_path / "slower-than-a-start-on-demand-may-be"
    engine.write_text(f'#!/bin/sh\nsleep 11\nexec {ROOT}/.tools/llama-cpp/llama-server "$@"\n')
    engine.chmod(0o755)
    provisioned = {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
    with FunctionEnvironment(weights, tmp_path, engine=engine, variables=provisioned) as environment:
        assert environment.records("cold_start")


def test_nothing_of_a_question_is_logged(environment: FunctionEnvironment):
    environment.api.invoke(chat_event("rest_api", "A question about Zanzibar?"))
    assert "Zanzibar" not in environment.log


def test_a_warm_up_is_a_request_that_is_answered(environment: FunctionEnvironment):
    invocation = environment.api.invoke(warm_up_event())
    assert (invocation.error, invocation.status) == (None, 200)


def test_what_is_no_request_fails_as_an_invocation_so_that_its_queue_keeps_it(environment: FunctionEnvironment):
    invocation = environment.api.invoke(recorded_event("sqs"))
    assert invocation.error is not None
    assert "599" in invocation.error["errorMessage"]
    again = environment.api.invoke(chat_event("rest_api", FIRST.question))
    assert streamed_text(again) == FIRST.answer


def test_the_adapter_is_registered_as_an_extension(environment: FunctionEnvironment):
    assert environment.api.extensions == ["lambda-adapter"]
    assert environment.api.init_error is None


def seconds_to_its_end(weights: Path, folder: Path) -> float:
    """Without a failure."""
    with FunctionEnvironment(weights, folder) as environment:
        children = members(environment.group)
        os.killpg(environment.group, signal.SIGCONT)
        began = time.monotonic()
        environment.function.send_signal(signal.SIGTERM)
        assert environment.function.wait(START_SECONDS) == 0
        seconds = time.monotonic() - began
        left = [pid for pid in members(environment.group) if pid in children]
        assert len(left) == 1  # the adapter's
        return seconds


def test_its_end_is_quick_and_no_failure(weights: Path, tmp_path: Path):
    # Lambda gives what is left after SIGTERM two seconds at most; a busy machine may need one try more.
    assert any(seconds_to_its_end(weights, tmp_path) < 2 for _ in range(ATTEMPTS))


def test_it_ends_with_its_engine_so_that_lambda_makes_a_new_one(weights: Path, tmp_path: Path):
    with FunctionEnvironment(weights, tmp_path) as environment:
        os.killpg(environment.group, signal.SIGCONT)
        engine = engine_of(environment)
        os.kill(engine, signal.SIGKILL)
        assert environment.function.wait(START_SECONDS) == 1
        assert environment.records("engine_lost")[0]["exit_code"] == -signal.SIGKILL
