"""Whatever follows the published OpenAPI description, or breaks it, gets an answer that the description names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .processes import KEY

if TYPE_CHECKING:
    from .processes import Gateway

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
INFERENCE = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
OPERATIONS = [("POST", path) for path in INFERENCE]
OPERATIONS += [("GET", path) for path in ("/v1/models", "/health", "/ready", "/metrics", "/debug/profile")]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_is_described(gateway: Gateway, method: str, path: str, mode: GenerationMode) -> None:
    if mode is GenerationMode.NEGATIVE and method == "GET":
        mode = GenerationMode.POSITIVE  # nothing to break: these take no input
    schema = schemathesis.openapi.from_dict(gateway.client.get("/openapi.json").json())
    cases = schema[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(case=cases)
    def answers_as_described(case: schemathesis.Case) -> None:
        answer = case.call(base_url=gateway.url, headers={"authorization": f"Bearer {KEY}"})
        assert answer.status_code != 500
        case.validate_response(answer, checks=CHECKS)

    answers_as_described()


def test_everything_is_described(gateway: Gateway) -> None:
    paths = gateway.client.get("/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(OPERATIONS)


@pytest.mark.parametrize("path", INFERENCE)
def test_inference_is_described_with_all_its_errors(gateway: Gateway, path: str) -> None:
    document = gateway.client.get("/openapi.json").json()
    described = set(document["paths"][path]["post"]["responses"])
    assert described >= {"200", "400", "401", "404", "405", "413", "429", "502", "503", "504"}
