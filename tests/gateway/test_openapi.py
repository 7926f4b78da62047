"""Whatever follows, or breaks, the published OpenAPI description gets an answer that the description names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .processes import KEY

if TYPE_CHECKING:
    from .processes import Gateway


@pytest.fixture
def described(gateway: Gateway) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(gateway.client.get("/openapi.json").json())


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case: schemathesis.Case, gateway: Gateway) -> None:
    answer = case.call(base_url=gateway.url, headers={"authorization": f"Bearer {KEY}"})
    checks = [status_code_conformance, content_type_conformance, response_schema_conformance]
    case.validate_response(answer, checks=checks)
    assert answer.status_code != 500


def test_inference_is_described_with_all_its_errors(gateway: Gateway) -> None:
    document = gateway.client.get("/openapi.json").json()
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings"):
        described = set(document["paths"][path]["post"]["responses"])
        assert described >= {"200", "400", "401", "404", "405", "413", "502", "503", "504"}
