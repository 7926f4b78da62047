"""The gateway by the document of the stack aws-failover: with its engines away it asks the other region."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.contract.test_stacks import ROOT, build
from tests.gateway.processes import Gateway, chat, document

from .credential_sources import AGENT_TOKEN, CredentialSources
from .front_door import FrontDoor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.gateway.processes import EngineRoom

pytestmark = pytest.mark.long

OTHER_REGION = "us-west-2"
CALLS = {
    "invocations": "sagemaker:InvokeEndpoint",
    "invocations-response-stream": "sagemaker:InvokeEndpointWithResponseStream",
}
"""The action that IAM asks for, by the end of the path (botocore 1.43.117, sagemaker-runtime)."""


class Stack(NamedTuple):
    upstreams: list[dict[str, Any]]
    allowed: list[Mapping[str, Any]]
    """The statements of the policy of the gateways' role."""


class Failover(NamedTuple):
    gateway: Gateway
    door: FrontDoor
    sources: CredentialSources


@pytest.fixture(scope="module")
def stack() -> Stack:
    done = build(yaml.safe_load((ROOT / "stacks" / "Pulumi.aws-failover.yaml").read_text())["config"])
    assert done.returncode == 0, done.stderr
    made = {(one["type"], one["name"]): one["inputs"] for one in json.loads(done.stdout)["registrations"]}
    gateway = json.loads(made["kubernetes:core/v1:ConfigMap", "gateway-configuration"]["data"]["gateway.json"])
    policy = json.loads(made["aws:iam/rolePolicy:RolePolicy", "gateway-identity-policy"]["policy"])
    return Stack(gateway["upstreams"], policy["Statement"])


@pytest.fixture
def failover(
    stack: Stack,
    engine_room: EngineRoom,
    unused_address: str,
    config_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Failover]:
    """The first upstream is at an address where nobody listens; the second has its role by EKS Pod Identity."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    first, second = stack.upstreams
    (tmp_path / "agent-token").write_text(AGENT_TOKEN)
    with engine_room.engine(model=second["model"]) as engine:
        door = FrontDoor(engine.address, {}, region=OTHER_REGION, endpoint=second["endpoint_name"])
        sources = CredentialSources(door.keys)
        upstreams = (
            {**first, "address": unused_address},
            {**second, "address": engine_room.run(door.start())},
        )
        environment = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{engine_room.run(sources.start())}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "agent-token"),
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        config_path.write_text(json.dumps(document(*upstreams)))
        with Gateway(config_path, environment=environment) as gateway:
            yield Failover(gateway, door, sources)
        engine_room.run(sources.stop())
        engine_room.run(door.stop())


@pytest.mark.parametrize("stream", [False, True])
def test_the_other_region_answers_by_the_pods_role_and_the_policy_allows_it(
    stack: Stack, failover: Failover, stream: bool
) -> None:
    model = stack.upstreams[1]["model"]
    answer = failover.gateway.client.post("/v1/chat/completions", json=chat(model=model, stream=stream))
    assert answer.status_code == 200, answer.text
    assert failover.door.invocations == 1
    asked = failover.door.received[-1]
    (key_id,) = failover.sources.issued
    assert f"Credential={key_id}/" in asked.headers["authorization"]
    assert f"/{OTHER_REGION}/sagemaker/aws4_request" in asked.headers["authorization"]
    _, _, endpoint_name, call = asked.path.split("/")
    assert any(
        CALLS[call] in statement["Action"]
        and any(arn.endswith(f":endpoint/{endpoint_name}") for arn in statement["Resource"])
        for statement in stack.allowed
    )


def test_the_policy_allows_these_calls_and_no_other(stack: Stack) -> None:
    assert {action for statement in stack.allowed for action in statement["Action"]} == set(CALLS.values())
    assert len({arn for statement in stack.allowed for arn in statement["Resource"]}) == 1
