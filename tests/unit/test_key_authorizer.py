"""The authorizer lets in whom the gateway lets in, and says so as API Gateway wants to hear it."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.aws import key_authorizer_function
from moorage.aws.key_authorizer_function import KEYS_VARIABLE, UNKNOWN, key_id_of
from moorage_serving.gateway.authentication import KeyRing
from moorage_serving.gateway.config.gateway import GatewayConfig
from moorage_serving.gateway.errors import GatewayError

# For a path below /v1, shaped as github.com/aws/aws-lambda-go has it in events/testdata/
# apigw-custom-auth-request-type-request.json (read 2026-11-25).
EVENT = json.loads((Path(__file__).parent / "golden" / "rest_api_authorizer_event.json").read_text())
KEYS = {"default": "moorage-one", "pilots": "moorage-two"}
HASHES = {key_id: hashlib.sha256(key.encode()).hexdigest() for key_id, key in KEYS.items()}
RING = KeyRing(
    GatewayConfig.model_validate_json(
        json.dumps(
            {
                "version": 1,
                "upstreams": [
                    {"name": "engine", "kind": "openai-http", "address": "http://e:1", "model": "m", "revision": "r"}
                ],
                "authentication": "api_keys",
                "keys": [{"id": key_id, "sha256": sha256} for key_id, sha256 in HASHES.items()],
            }
        )
    )
)


def event(*authorizations: str, name: str = "Authorization") -> dict[str, Any]:
    others = {key: value for key, value in EVENT["multiValueHeaders"].items() if key != "Authorization"}
    return {**EVENT, "multiValueHeaders": {**others, name: list(authorizations)} if authorizations else others}


def answer(given_event: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Of the file alone, in a process that has nothing but its variable, as Lambda runs it."""
    code = Path(key_authorizer_function.__file__)
    shutil.copy(code, folder)
    lines = "import json, sys; sys.path.insert(0, sys.argv[1]); import key_authorizer_function as f"
    run = f"{lines}; print(json.dumps(f.handler(json.load(sys.stdin), None)))"
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", run, str(folder)]
    environment = {KEYS_VARIABLE: json.dumps(HASHES)}
    done = subprocess.run(
        command, input=json.dumps(given_event), env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def decision(given_answer: dict[str, Any]) -> tuple[str, str]:
    (statement,) = given_answer["policyDocument"]["Statement"]
    return given_answer["principalId"], statement["Effect"]


def gateways_opinion(authorization: str) -> str | None:
    try:
        return RING.identify(authorization.encode()).key_id
    except GatewayError:
        return None


def test_whoever_has_a_key_is_let_in_by_its_id(tmp_path: Path):
    assert decision(answer(event("Bearer moorage-two"), tmp_path)) == ("pilots", "Allow")


def test_an_event_as_api_gateway_writes_it_is_understood(tmp_path: Path):
    assert decision(answer(EVENT, tmp_path)) == ("default", "Allow")


@pytest.mark.parametrize(
    "authorizations",
    [
        (),
        ("",),
        ("Bearer",),
        ("Bearer ",),
        ("Bearer moorage-three",),
        ("Basic moorage-one",),
        ("moorage-one",),
        (f"Bearer {HASHES['default']}",),
        ("Bearer moorage-one", "Bearer moorage-one"),
        ("Bearer moorage-one\ud800",),
    ],
    ids=repr,
)
def test_nobody_else_is_let_in(authorizations: tuple[str, ...], tmp_path: Path):
    assert decision(answer(event(*authorizations), tmp_path)) == (UNKNOWN, "Deny")


def test_a_decision_is_for_the_whole_stage_and_nothing_else(tmp_path: Path):
    """It is kept for the header; one for a single path would deny the next."""
    given_answer = answer(event("Bearer moorage-one"), tmp_path)
    assert set(given_answer) == {"principalId", "policyDocument"}
    (statement,) = given_answer["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/live/*"


@given(name=st.sampled_from(["authorization", "AUTHORIZATION", "aUthoriZation"]))
def test_a_headers_name_is_as_the_client_writes_it(name: str):
    assert key_id_of(event("Bearer moorage-one", name=name), HASHES) == "default"


HEADERS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["Bearer", "bearer", "BEARER", "Basic", "Bearer:", " Bearer"]),
        st.sampled_from(["", " ", "  ", "\t"]),
        st.sampled_from([*KEYS.values(), *HASHES.values(), "moorage-", "moorage-one moorage-two", ""]),
        st.sampled_from(["", " ", "\t", "x"]),
    ),
)


@given(authorization=HEADERS)
def test_it_decides_as_the_gateway_does(authorization: str):
    assert key_id_of(event(authorization), HASHES) == gateways_opinion(authorization)


@given(
    keys=st.dictionaries(st.text(min_size=1), st.text(min_size=1).map(str.strip).filter(bool), max_size=5),
    data=st.data(),
)
def test_a_key_is_let_in_exactly_if_its_hash_is_there(keys: dict[str, str], data: st.DataObject):
    hashes = {key_id: hashlib.sha256(key.encode(errors="replace")).hexdigest() for key_id, key in keys.items()}
    token = data.draw(st.sampled_from(sorted(keys.values())) if keys else st.text(min_size=1))
    found = key_id_of(event(f"Bearer {token}"), hashes)
    assert (found is not None) == (token in keys.values())
    assert found is None or keys[found] == token
