"""The container of `FargateWorker` as ECS runs and ends it, before a real gateway: no job is lost."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from moorage.aws.worker_spec import API_KEY_VARIABLE, FargateWorkerSpec
from moorage.spec.gateway_document import generated_key
from tests.gateway.ecs_task import EcsTask
from tests.gateway.processes import Gateway, upstream
from tests.moto_server import ENVIRONMENT

from .place import PATIENT_VISIBILITY_SECONDS, VISIBILITY_SECONDS, JobsPlace, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gateway.processes import RunningEngine

IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4
KEY = "the-workers-own-key"


def worker(
    jobs: JobsPlace, endpoint: str, visibility_seconds: int = PATIENT_VISIBILITY_SECONDS, **changes: Any
) -> dict[str, Any]:
    """The container as the component gives it to ECS, with moto's address and identity in the place of AWS's.

    moto gives what is given back to the poll that a stopped worker has left: it comes again after the visibility.
    """
    spec = FargateWorkerSpec.model_validate({"region": ENVIRONMENT["AWS_DEFAULT_REGION"], "image": IMAGE, **changes})
    place = {
        "MOORAGE_JOBS_QUEUE_URL": jobs.place.queue_url,
        "MOORAGE_JOBS_BUCKET": jobs.place.bucket,
        "MOORAGE_JOBS_TABLE": jobs.place.table,
        "MOORAGE_JOBS_ENDPOINT": endpoint,
    }
    of_moto = {"AWS_ENDPOINT_URL": jobs.address, **ENVIRONMENT}
    document = spec.container({**place, **of_moto}, "/moorage/worker", {API_KEY_VARIABLE: "arn"}).document()
    document["command"] += ["--visibility-seconds", str(visibility_seconds)]
    return document


@contextmanager
def gateway(folder: Path, engine: RunningEngine, key: str = KEY) -> Iterator[Gateway]:
    """One that lets nobody in but the workers."""
    path = folder / "gateway.json"
    keys = [generated_key(key, None, "worker")]
    path.write_text(json.dumps({"version": 1, "upstreams": [upstream("engine", engine.address)], "keys": keys}))
    with Gateway(path) as running:
        yield running


def test_a_job_is_answered_by_the_gateways_that_know_the_workers_key(
    jobs: JobsPlace, engine: RunningEngine, tmp_path: Path
):
    with gateway(tmp_path, engine) as running:
        task = EcsTask(worker(jobs, running.url), {API_KEY_VARIABLE: KEY})
        assert not task.is_healthy()
        with task:
            task.become_healthy()
            job_id = jobs.submit("Ahoy", tokens=1)
            wait_until(lambda: jobs.result(job_id), "a result")
            assert task.stop() == 0
            assert not task.is_healthy()
    result = jobs.result(job_id)
    assert result is not None
    assert (result.outcome, engine.fake.counters.requests) == ("succeeded", 1)


@pytest.mark.long
def test_a_worker_that_the_gateways_do_not_know_keeps_the_job_for_one_that_they_do(
    jobs: JobsPlace, engine: RunningEngine, tmp_path: Path
):
    with gateway(tmp_path, engine) as running:
        job_id = jobs.submit("Ahoy", tokens=1)
        definition = worker(jobs, running.url, VISIBILITY_SECONDS, service_level={"p99_request_seconds": 1.0})
        with EcsTask(definition, {API_KEY_VARIABLE: "another key"}) as stranger:
            wait_until(lambda: running.events("request"), "a refusal")
            assert stranger.stop() == 0
        assert jobs.messages() == 1
        with EcsTask(definition, {API_KEY_VARIABLE: KEY}):
            wait_until(lambda: jobs.result(job_id), "a result")


@pytest.mark.long
def test_a_job_that_ends_within_the_stop_timeout_is_finished(jobs: JobsPlace, engine: RunningEngine, tmp_path: Path):
    with (
        gateway(tmp_path, engine) as running,
        EcsTask(worker(jobs, running.url), {API_KEY_VARIABLE: KEY}) as task,
    ):
        job_id = jobs.submit("Soon", time_to_first_token_seconds=3)
        wait_until(lambda: engine.fake.counters.requests, "a begun job")
        assert task.stop() == 0
    assert jobs.result(job_id) is not None
    assert jobs.messages() == 0


@pytest.mark.long
def test_a_job_that_does_not_is_another_workers(jobs: JobsPlace, engine: RunningEngine, tmp_path: Path):
    with gateway(tmp_path, engine) as running:
        definition = worker(jobs, running.url, VISIBILITY_SECONDS, service_level={"p99_request_seconds": 1.0})
        job_id = jobs.submit("Long", "long", inter_token_seconds=30)
        with EcsTask(definition, {API_KEY_VARIABLE: KEY}) as task:
            wait_until(lambda: engine.fake.counters.running == 1, "a begun job")
            assert task.stop() == 0
        assert jobs.result(job_id) is None
        engine.fake.program["inter_token_seconds"] = 0
        with EcsTask(definition, {API_KEY_VARIABLE: KEY}):
            wait_until(lambda: jobs.result(job_id), "a result")
    assert len(jobs.results()) == 1
