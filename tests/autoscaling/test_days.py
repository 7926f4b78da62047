"""What the autoscaler makes of simulated days."""

from collections.abc import Mapping

import pytest
from benchmarks.autoscaling.__main__ import table, verdicts
from benchmarks.autoscaling.judgement import Verdict
from benchmarks.autoscaling.scenarios import CHANGING, FROM_ZERO, STEADY, Scenario

from tests.documentation.pages import ROOT

pytestmark = pytest.mark.long

MOST_CHANGES = 2
KEPT = 0.99
A_REQUEST_NOW_AND_THEN = FROM_ZERO[-1]
BEFORE_TOLERANCE = STEADY[1:3]
"""Near one engine and above it, where a wide dead zone matters most."""


@pytest.fixture(scope="module")
def found() -> Mapping[Scenario, Verdict]:
    return verdicts()


@pytest.mark.parametrize("scenario", [*STEADY, *CHANGING], ids=lambda scenario: f"{scenario.gpu}: {scenario.name}")
def test_the_direction_changes_at_most_twice_in_any_hour(found: Mapping[Scenario, Verdict], scenario: Scenario):
    assert found[scenario].direction_changes_in_worst_hour <= MOST_CHANGES


@pytest.mark.parametrize("scenario", BEFORE_TOLERANCE, ids=lambda scenario: scenario.name)
def test_also_where_kubernetes_does_not_heed_our_tolerance(scenario: Scenario):
    verdict = scenario.run(heeds_tolerance=False)
    assert verdict.direction_changes_in_worst_hour <= MOST_CHANGES
    assert verdict.kept_share_unexcused >= KEPT


@pytest.mark.parametrize("scenario", [*STEADY, *CHANGING], ids=lambda scenario: f"{scenario.gpu}: {scenario.name}")
def test_the_service_level_is_kept_except_while_the_first_engines_start(
    found: Mapping[Scenario, Verdict], scenario: Scenario
):
    assert found[scenario].kept_share_unexcused >= KEPT


@pytest.mark.parametrize("scenario", FROM_ZERO, ids=lambda scenario: scenario.name)
def test_whoever_comes_to_an_empty_fleet_is_answered(found: Mapping[Scenario, Verdict], scenario: Scenario):
    assert found[scenario].unanswered == 0


def test_requests_now_and_then_stop_and_start_an_engine_less_than_once_an_hour(found: Mapping[Scenario, Verdict]):
    assert found[A_REQUEST_NOW_AND_THEN].direction_changes_per_hour <= MOST_CHANGES


def test_no_day_is_so_easy_that_nothing_is_scaled(found: Mapping[Scenario, Verdict]):
    scaled = [verdict for scenario, verdict in found.items() if scenario is not A_REQUEST_NOW_AND_THEN]
    assert all(verdict.most_replicas > 1 for verdict in scaled)
    assert all(found[scenario].direction_changes_per_hour > 0 for scenario in CHANGING)


def test_the_documentation_has_these_figures(found: Mapping[Scenario, Verdict]):
    assert table(found) in (ROOT / "docs" / "kubernetes-autoscaling.md").read_text()
