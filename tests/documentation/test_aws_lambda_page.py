"""The program of docs/aws-lambda.md makes what that page says, and its numbers are those of the stack's file."""

import json
import re
from collections import Counter
from types import SimpleNamespace

import pytest

from moorage.aws.lambda_prices import break_even_requests_per_hour, usd_per_1000_requests, usd_per_provisioned_hour
from moorage.aws.lambda_quotas import MOST_MEMORY_MB
from tests.contract.recording import run_program
from tests.contract.test_stacks import build, configuration_of

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-lambda.md")
WORDS = " ".join(PAGE.text.split())
# Amazon EC2 on demand in us-east-1, as the planner's catalogue has it.
G6_XLARGE_USD = 0.8048


@pytest.fixture(scope="module")
def stack() -> SimpleNamespace:
    done = build(configuration_of(ROOT / "stacks" / "Pulumi.aws-serverless.yaml"))
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def function(stack: SimpleNamespace) -> dict[str, float]:
    (found,) = [found["inputs"] for found in stack.registrations if found["name"] == "engine-function"]
    return found


def test_its_program_makes_two_functions_and_one_way_to_them():
    made = Counter(found.type for found in run_program(PAGE.program)[1].registrations)
    assert made["aws:lambda/function:Function"] == 2
    assert made["aws:apigateway/restApi:RestApi"] == made["aws:apigateway/stage:Stage"] == 1
    assert made["aws:kms/key:Key"] == 2
    assert not [kind for kind in made if kind.startswith("aws:ec2/")]


def test_the_preview_says_what_the_page_says_it_does(stack: SimpleNamespace):
    assert stack.logged
    for said in stack.logged:
        assert said in WORDS


def test_the_prices_are_the_stacks(stack: SimpleNamespace, function: dict[str, float]):
    per_1000 = stack.plain_outputs["estimated_cost"]["usd_per_1000_requests"]
    (seconds,) = map(float, re.findall(r"takes about ([\d.]+)", " ".join(stack.logged)))
    assert f"on arm64 | {per_1000:.2f}; " in WORDS
    assert (
        f"the same on x86_64 | {usd_per_1000_requests('x86_64', int(function['memorySize']), seconds):.2f} |" in WORDS
    )
    assert f"above about {break_even_requests_per_hour(G6_XLARGE_USD, per_1000) // 100 * 100:,} of these" in WORDS


def test_what_is_kept_started_costs_what_the_page_says(function: dict[str, float]):
    hour = usd_per_provisioned_hour("arm64", int(function["memorySize"]))
    assert f"{hour:.2f} USD an hour for {int(function['memorySize']):,} MB on arm64, {hour * 730:.0f} a month" in WORDS


def test_the_most_that_a_day_costs(function: dict[str, float]):
    day = usd_per_1000_requests("arm64", int(function["memorySize"]), 24 * 3600) / 1000
    wanted = int(function["reservedConcurrentExecutions"])
    assert (
        f"{wanted} environments of {int(function['memorySize']):,} MB, busy all day, are {wanted * day:.1f} USD"
        in WORDS
    )


def test_the_most_memory_is_lambdas():
    assert f"{MOST_MEMORY_MB:,} MB, and a vCPU for each 1,769 of them" in WORDS
