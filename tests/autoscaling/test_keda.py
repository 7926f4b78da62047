from typing import Any

import pytest
from benchmarks.autoscaling.keda import Keda

from moorage.kubernetes.autoscaler_objects import FAILURE_THRESHOLD, POLLING_SECONDS, scaled_object
from moorage.kubernetes.autoscaler_spec import DEFAULT_IDLE_SECONDS, AutoscalerSpec

TARGET = {"api_version": "apps/v1", "kind": "Deployment", "name": "engine"}
EACH = 10


class Answers:
    """What Prometheus says to every query."""

    value: float | None = 0.0

    def __call__(self, query: str) -> float | None:
        return self.value


def spec(min_replicas: int = 0) -> dict[str, Any]:
    made = AutoscalerSpec(model="m", max_num_seqs=2 * EACH, has_gateway=True, min_replicas=min_replicas, max_replicas=9)
    return scaled_object(made, TARGET, namespace="n", gateway_namespace="n", prometheus_url="http://prometheus:9090")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def keda(answers: Answers) -> Keda:
    return Keda(spec(), answers, heeds_tolerance=True)


def test_one_request_starts_the_first(keda: Keda, answers: Answers):
    assert keda.poll(0, 0) == 0
    answers.value = 1
    assert keda.poll(POLLING_SECONDS, 0) == 1


def test_the_last_ones_go_together_after_the_cooldown(keda: Keda, answers: Answers):
    answers.value = 1
    assert keda.poll(0, 3) == 3
    answers.value = 0
    assert keda.poll(DEFAULT_IDLE_SECONDS, 3) == 3
    assert keda.poll(DEFAULT_IDLE_SECONDS + 1, 3) == 0


def test_with_a_minimum_the_last_ones_stay(answers: Answers):
    keda = Keda(spec(min_replicas=2), answers, heeds_tolerance=True)
    assert [keda.poll(now, 2) for now in (0, DEFAULT_IDLE_SECONDS + 1)] == [2, 2]
    assert keda.poll(DEFAULT_IDLE_SECONDS + 2, 0) == 2


def test_while_prometheus_is_away_engines_stay(keda: Keda, answers: Answers):
    answers.value = 3 * EACH
    assert keda.sync(0, 3) == 3
    answers.value = None
    for now in range(0, 3 * DEFAULT_IDLE_SECONDS, POLLING_SECONDS):
        assert keda.poll(now, 3) == 3
        assert keda.sync(now, 3) == 3


def test_from_nothing_one_is_started_after_so_many_failures(keda: Keda, answers: Answers):
    answers.value = None
    looks = [keda.poll(now, 0) for now in range(FAILURE_THRESHOLD + 1)]
    assert looks == [0] * FAILURE_THRESHOLD + [1]


def test_a_look_that_succeeds_forgives_failures(keda: Keda, answers: Answers):
    for value in (None, None, 0.0, None, None, None):
        answers.value = value
        assert keda.poll(0, 0) == 0


def test_triggers_that_are_not_known_are_refused(answers: Answers):
    known = spec()
    with pytest.raises(ValueError, match="must be of type prometheus"):
        Keda({**known, "triggers": [{**known["triggers"][0], "type": "cron"}]}, answers, heeds_tolerance=True)
