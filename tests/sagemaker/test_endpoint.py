"""Real vLLM as SageMaker runs it, behind a front door that verifies signatures, asked through the real gateway."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx
import openai
import pytest

from moorage.aws.managed_spec import SagemakerVllmSpec
from moorage.aws.sagemaker_environment import MODEL_FOLDER, PREFIX
from moorage.local.tiny_model import read_questions
from tests.end_to_end.conversation import ask, ask_streaming, exact_match
from tests.end_to_end.tiny_model import built_tiny_model
from tests.gateway.processes import KEY, EngineRoom, Gateway, document
from tests.gateway.sagemaker.front_door import ENDPOINT, REGION, FrontDoor
from tests.gateway.sagemaker.signature import Key, SignedRequest
from tests.sagemaker_endpoint import endpoint_spec

from .container import container

pytestmark = pytest.mark.long

KEY_ID, SECRET = "AKIDMOORED", "secret/of+the+gateway"
ASKED = read_questions()[:8]
PATIENCE = {"connect_seconds": 2, "first_byte_seconds": 60, "idle_seconds": 30}


class RuntimeDoor(FrontDoor):
    """Before a container with vLLM's own `/invocations`, which chooses by the request's body."""

    async def _ask_container(self, signed: SignedRequest) -> aiohttp.ClientResponse:
        headers = {"content-type": signed.headers["content-type"]}
        return await self._container.post(self.engine + "/invocations", data=io.BytesIO(signed.body), headers=headers)


def spec() -> SagemakerVllmSpec:
    return endpoint_spec(load={"concurrent_requests": 8})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log_path = tmp_path_factory.mktemp("container") / "log.txt"
    with container(spec(), built_tiny_model(), log_path) as running:
        yield running.address


@pytest.fixture(scope="module")
def door(engine: str) -> Iterator[tuple[RuntimeDoor, str]]:
    room = EngineRoom()
    opened = RuntimeDoor(engine, {KEY_ID: Key(SECRET)})
    yield opened, room.run(opened.start())
    room.run(opened.stop())
    room.close()


def gateway(door_address: str, folder: Path, secret: str) -> Gateway:
    upstream = {
        "name": "endpoint",
        "kind": "sagemaker",
        "endpoint_name": ENDPOINT,
        "region": REGION,
        "model": "moored",
        "revision": "r1",
        "address": door_address,
    }
    path = folder / "config.json"
    path.write_text(json.dumps(document(upstream, timeouts=PATIENCE)))
    environment = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Gateway(path, environment=environment)


@pytest.fixture(scope="module")
def client(door: tuple[RuntimeDoor, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    with (
        gateway(door[1], tmp_path_factory.mktemp("gateway"), SECRET) as running,
        openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, timeout=120) as opened,
    ):
        yield opened


def test_the_container_is_told_where_its_weights_are_and_nothing_that_it_decides_itself():
    environment = spec().environment
    assert environment[f"{PREFIX}MODEL"] == MODEL_FOLDER
    assert not {f"{PREFIX}HOST", f"{PREFIX}PORT"} & set(environment)


def test_the_container_answers_as_sagemaker_asks(engine: str):
    with httpx.Client(base_url=engine, trust_env=False, timeout=120) as client:
        assert client.get("/ping").status_code == httpx.codes.OK
        body = {"model": "moored", "messages": [{"role": "user", "content": ASKED[0].question}], "temperature": 0}
        answer = client.post("/invocations", json=body).json()
    assert answer["choices"][0]["message"]["content"].strip() == ASKED[0].answer


def test_answers_are_right(client: openai.OpenAI, door: tuple[RuntimeDoor, str]):
    before = door[0].invocations
    answers = [ask(client, "moored", each.question) for each in ASKED]
    assert exact_match(answers, ASKED) == 1.0
    assert door[0].invocations >= before + len(ASKED)


def test_streamed_answers_are_right(client: openai.OpenAI):
    answers = [ask_streaming(client, "moored", each.question) for each in ASKED]
    assert exact_match(answers, ASKED) == 1.0


def test_a_wrong_signature_reaches_no_engine(door: tuple[RuntimeDoor, str], tmp_path: Path):
    before = door[0].invocations
    with (
        gateway(door[1], tmp_path, "another secret") as running,
        openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, timeout=120) as client,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        ask(client, "moored", ASKED[0].question)
    assert refused.value.status_code >= 500
    assert "another secret" not in str(refused.value)
    assert door[0].invocations == before
