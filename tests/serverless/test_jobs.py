"""Events of SQS: the image's processes behind the real adapter do jobs, with the queue, bucket and table of moto."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from moorage.aws.job_function import ADAPTER_VARIABLES
from moorage.local.tiny_model import read_questions
from moorage_serving.jobs.message import Job
from tests.jobs.place import JobsPlace, make_place
from tests.moto_server import ENVIRONMENT, moto_server

from .environment import MODEL, START_SECONDS, FunctionEnvironment, chat_event
from .processes import engine_of, repeated
from .runtime_api import SEPARATOR, Invocation

QUESTIONS = read_questions()
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsPlace]:
    with moto_server(tmp_path_factory.mktemp("moto")) as address, pytest.MonkeyPatch.context() as variables:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}.items():
            variables.setenv(name, value)
        yield make_place(address)


def variables_of(jobs: JobsPlace) -> dict[str, str]:
    """Of a function that does jobs, which its component sets, and those by which Lambda tells it who it is."""
    return {
        **ENVIRONMENT,
        "AWS_ENDPOINT_URL": jobs.address,
        **ADAPTER_VARIABLES,
        "MOORAGE_JOBS_QUEUE_URL": jobs.place.queue_url,
        "MOORAGE_JOBS_BUCKET": jobs.place.bucket,
        "MOORAGE_JOBS_TABLE": jobs.place.table,
    }


@pytest.fixture(scope="module")
def worker(weights: Path, jobs: JobsPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionEnvironment]:
    folder = tmp_path_factory.mktemp("worker")
    with FunctionEnvironment(weights, folder, variables=variables_of(jobs)) as started:
        yield started


def submit(jobs: JobsPlace, job_id: str, question: str, **more: Any) -> None:
    messages = [{"role": "user", "content": question}]
    body = {"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 64, **more}
    jobs.send(Job(job_id=job_id, body=body).model_dump_json(exclude_none=True))


def answer_of(invocation: Invocation) -> dict[str, Any]:
    """As Lambda's poller reads it."""
    assert invocation.error is None
    return json.loads(invocation.payload)


def text_of(jobs: JobsPlace, job_id: str) -> str:
    result = jobs.result(job_id)
    assert result is not None
    return result.body["choices"][0]["message"]["content"]


def stopped(engine: int) -> AbstractContextManager[None]:
    """An engine that does nothing, whenever the environment thaws."""
    return repeated(lambda: os.kill(engine, signal.SIGSTOP))


def test_of_a_batch_only_what_has_to_come_again_is_named(worker: FunctionEnvironment, jobs: JobsPlace):
    submit(jobs, "twice", QUESTIONS[0].question)
    assert answer_of(worker.api.invoke(jobs.event())) == NOTHING_FAILED
    written = jobs.results()
    submit(jobs, "twice", QUESTIONS[0].question)
    submit(jobs, "good", QUESTIONS[1].question)
    submit(jobs, "refused", QUESTIONS[1].question, messages="none")
    jobs.send("this is no job")
    event = jobs.event()
    [bad] = [record["messageId"] for record in event["Records"] if record["body"] == "this is no job"]
    assert answer_of(worker.api.invoke(event)) == {"batchItemFailures": [{"itemIdentifier": bad}]}
    assert (text_of(jobs, "twice"), text_of(jobs, "good")) == (QUESTIONS[0].answer, QUESTIONS[1].answer)
    refused = jobs.result("refused")
    assert refused is not None
    assert refused.outcome == "failed"
    assert len(jobs.results()) == len(written) + 2
    assert jobs.messages() == 1
    jobs.purge()


def test_the_freeze_after_an_answer_loses_nothing(worker: FunctionEnvironment, jobs: JobsPlace):
    for number in range(3):
        submit(jobs, f"frozen-{number}", QUESTIONS[number].question)
        assert answer_of(worker.api.invoke(jobs.event())) == NOTHING_FAILED
        assert worker.api.idle.wait(START_SECONDS)
        assert text_of(jobs, f"frozen-{number}") == QUESTIONS[number].answer
        assert jobs.messages() == 0
        time.sleep(1.5)


def test_jobs_that_take_longer_than_the_function_may_are_given_back_at_once(
    worker: FunctionEnvironment, jobs: JobsPlace
):
    submit(jobs, "long", QUESTIONS[0].question)
    event = jobs.event()
    with stopped(engine_of(worker)):
        invocation = worker.api.invoke(event, seconds=7)
    assert invocation.error is not None
    assert "599" in invocation.error["errorMessage"]
    assert jobs.result("long") is None
    again = jobs.event()
    assert [record["messageId"] for record in again["Records"]] == [event["Records"][0]["messageId"]]
    assert answer_of(worker.api.invoke(again)) == NOTHING_FAILED
    assert text_of(jobs, "long") == QUESTIONS[0].answer


def test_an_event_of_another_service_fails(worker: FunctionEnvironment):
    invocation = worker.api.invoke({"source": "aws.events", "detail": {}})
    assert invocation.error is not None
    assert "599" in invocation.error["errorMessage"]


def test_nothing_of_a_job_is_logged(worker: FunctionEnvironment, jobs: JobsPlace):
    submit(jobs, "quiet", "A question about Zanzibar?")
    assert answer_of(worker.api.invoke(jobs.event())) == NOTHING_FAILED
    assert "Zanzibar" not in worker.log


def test_a_function_that_streams_would_answer_lambdas_poller_in_a_form_that_is_no_json(
    weights: Path, jobs: JobsPlace, tmp_path: Path
):
    """Why jobs have a function of their own."""
    streams = {name: value for name, value in variables_of(jobs).items() if name not in ADAPTER_VARIABLES}
    submit(jobs, "streamed", QUESTIONS[0].question)
    with FunctionEnvironment(weights, tmp_path, variables=streams) as environment:
        invocation = environment.api.invoke(jobs.event())
    prelude, separator, body = invocation.payload.partition(SEPARATOR)
    assert (json.loads(prelude)["statusCode"], separator) == (200, SEPARATOR)
    assert json.loads(body) == NOTHING_FAILED


def test_a_function_with_jobs_answers_requests_whole(worker: FunctionEnvironment):
    answer = answer_of(worker.api.invoke(chat_event("rest_api", QUESTIONS[0].question, stream=False)))
    assert answer["statusCode"] == 200
    assert QUESTIONS[0].answer in answer["body"]
