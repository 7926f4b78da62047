"""The worker's process: what comes of jobs, whatever happens to workers."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from .place import MAX_RECEIVE_COUNT, VISIBILITY_SECONDS, WAIT_SECONDS, JobsPlace, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.processes import EngineRoom, RunningEngine


def answered(jobs: JobsPlace, job_id: str) -> str:
    result = jobs.result(job_id)
    assert result is not None
    return result.body["choices"][0]["message"]["content"]


def test_a_job_is_answered_and_leaves_the_queue(jobs: JobsPlace, engine: RunningEngine):
    job_id = jobs.submit("Where is the ship?", tokens=1)
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.result(job_id), "a result")
        wait_until(lambda: jobs.messages() == 0, "an empty queue")
    assert answered(jobs, job_id) == "Where is the ship?"


@pytest.mark.long
def test_many_jobs_run_at_once_and_no_more_than_is_said(jobs: JobsPlace, engine: RunningEngine):
    ids = {f"job-{number}": jobs.submit(f"{number}", f"job-{number}", inter_token_seconds=0.2) for number in range(12)}
    with jobs.worker(engine.address, "--concurrency", "4"):
        wait_until(lambda: engine.fake.counters.completed == len(ids), "all answers")
        wait_until(lambda: jobs.messages() == 0, "an empty queue")
    assert engine.fake.counters.most_running == 4
    for number in range(12):
        assert answered(jobs, f"job-{number}").startswith(f"{number} ")


@pytest.mark.long
def test_a_job_that_is_submitted_twice_is_done_once(jobs: JobsPlace, engine: RunningEngine):
    for _ in range(3):
        jobs.submit("Once", "same-job", time_to_first_token_seconds=0.3)
    # Who comes while another has the job comes again when its claim would have run out.
    with (
        jobs.worker(engine.address, visibility_seconds=10),
        jobs.worker(engine.address, visibility_seconds=10),
    ):
        wait_until(lambda: jobs.messages() == 0, "an empty queue")
    assert engine.fake.counters.requests == 1
    assert len(jobs.results()) == 1


@pytest.mark.long
def test_a_job_that_is_longer_than_the_visibility_is_not_delivered_twice(jobs: JobsPlace, engine: RunningEngine):
    seconds = 2 * VISIBILITY_SECONDS
    job_id = jobs.submit("Slowly", time_to_first_token_seconds=1.5 * seconds)
    with (
        jobs.worker(engine.address, visibility_seconds=seconds),
        jobs.worker(engine.address, visibility_seconds=seconds),
    ):
        wait_until(lambda: jobs.result(job_id), "a result")
    assert engine.fake.counters.requests == 1


@pytest.mark.long
def test_another_worker_finishes_what_a_killed_one_began(jobs: JobsPlace, engine: RunningEngine):
    job_id = jobs.submit("Again", time_to_first_token_seconds=60)
    with jobs.worker(engine.address, visibility_seconds=VISIBILITY_SECONDS) as killed:
        wait_until(lambda: engine.fake.counters.running == 1, "a begun job")
        killed.kill()
        killed.wait()
    engine.fake.program["time_to_first_token_seconds"] = 0
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.result(job_id), "a result")
        wait_until(lambda: jobs.messages() == 0, "an empty queue")
    assert len(jobs.results()) == 1


def test_a_request_that_the_engine_refuses_is_a_failed_result_and_not_tried_again(
    jobs: JobsPlace, engine: RunningEngine
):
    job_id = jobs.submit("Wrong", status=400)
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.result(job_id), "a result")
        wait_until(lambda: jobs.messages() == 0, "an empty queue")
    result = jobs.result(job_id)
    assert result is not None
    assert (result.outcome, result.status, engine.fake.counters.requests) == ("failed", 400, 1)
    assert result.body["error"]["message"] == "as told"


@pytest.mark.long
def test_a_job_for_which_the_engine_is_too_full_is_tried_later(jobs: JobsPlace, engine: RunningEngine):
    engine.fake.program["status"] = 429
    job_id = jobs.submit("Later")
    with jobs.worker(engine.address):
        wait_until(lambda: engine.fake.counters.requests, "a first try")
        del engine.fake.program["status"]
        wait_until(lambda: jobs.result(job_id), "a result")
    tries = [received.at for received in engine.fake.received]
    assert len(tries) > 1
    assert all(later - earlier >= 1 for earlier, later in pairwise(tries))


@pytest.mark.long
def test_an_engine_that_is_full_for_long_makes_no_dead_letters(jobs: JobsPlace, engine: RunningEngine):
    engine.fake.program["status"] = 429
    job_id = jobs.submit("Later")
    with jobs.worker(engine.address, "--retry-seconds", "1"):
        wait_until(lambda: engine.fake.counters.requests > MAX_RECEIVE_COUNT, "more tries than deliveries")
        assert jobs.messages(jobs.dead_letter_queue_url) == 0
        del engine.fake.program["status"]
        wait_until(lambda: jobs.result(job_id), "a result")


@pytest.mark.long
def test_a_job_that_the_engine_fails_on_again_and_again_is_set_aside(jobs: JobsPlace, engine: RunningEngine):
    jobs.submit("Poison", status=500)
    with jobs.worker(engine.address, "--retry-seconds", "1"):
        wait_until(lambda: jobs.messages(jobs.dead_letter_queue_url) == 1, "a dead letter")
    assert engine.fake.counters.requests == MAX_RECEIVE_COUNT


def test_what_is_no_job_is_set_aside(jobs: JobsPlace, engine: RunningEngine):
    jobs.send('{"version": 9}')
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.messages(jobs.dead_letter_queue_url) == 1, "a dead letter")
        wait_until(lambda: jobs.messages() == 0, "an empty queue")


def test_a_worker_that_is_stopped_finishes_its_job_and_begins_no_other(
    jobs: JobsPlace, engine: RunningEngine, engine_room: EngineRoom, tmp_path: Path
):
    submitted = [jobs.submit(content) for content in ("One", "Other")]
    log = tmp_path / "log"
    with (
        log.open("wb") as stdout,
        engine_room.holding(engine.fake.may_answer) as let_go,
        jobs.worker(engine.address, "--concurrency", "1", stdout=stdout) as worker,
    ):
        wait_until(lambda: engine.fake.counters.running == 1, "a begun job")
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: "worker_stopping" in log.read_text(), "a worker that knows of it")
        let_go()
        assert worker.wait(timeout=WAIT_SECONDS) == 0
    assert sum(jobs.result(job_id) is not None for job_id in submitted) == 1
    assert jobs.messages() == 1


@pytest.mark.long
def test_what_a_worker_cannot_finish_in_its_budget_another_has_at_once(jobs: JobsPlace, engine: RunningEngine):
    job_id = jobs.submit("Long", time_to_first_token_seconds=60)
    with jobs.worker(engine.address, "--drain-seconds", "0.2", visibility_seconds=VISIBILITY_SECONDS) as worker:
        wait_until(lambda: engine.fake.counters.running == 1, "a begun job")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=WAIT_SECONDS) == 0
    engine.fake.program["time_to_first_token_seconds"] = 0
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.result(job_id), "a result")
    assert engine.fake.counters.aborted == 1


def test_the_commands_hand_in_and_fetch(jobs: JobsPlace, engine: RunningEngine):
    question = {"model": "moored", "messages": [{"role": "user", "content": "Ahoy" * 300_000}]}
    submitted = jobs.command("submit", "--job-id", "large", given=json.dumps(question))
    assert (submitted.returncode, submitted.stdout) == (0, "large\n"), submitted.stderr
    waiting = jobs.command("result", "large")
    assert (waiting.returncode, waiting.stderr) == (3, "error: job large is not done yet, or unknown\n")
    with jobs.worker(engine.address):
        wait_until(lambda: jobs.result("large"), "a result")
    found = json.loads(jobs.command("result", "large").stdout)
    assert found["outcome"] == "succeeded"
    assert found["body"]["choices"][0]["message"]["content"].startswith("AhoyAhoy")


def test_a_request_that_is_none_is_refused_in_one_line(jobs: JobsPlace):
    refused = jobs.command("submit", given="not json")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: body: Invalid JSON")
    assert jobs.messages() == 0
