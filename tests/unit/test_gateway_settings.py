"""What a user may say of the gateway's document, and how everything wrong with it is reported."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hatchling.build import build_wheel
from hypothesis import given
from hypothesis import strategies as st

from moorage.spec import SpecError
from moorage.spec.gateway_settings import parse_gateway_settings

ROOT = Path(__file__).parents[2]
CONTRACT = json.loads((ROOT / "contracts" / "gateway-config.v1.schema.json").read_text())
SETTINGS = (
    "keys, rotated_keys, tenants, quotas, cache, admission, routing, canaries, timeouts, max_request_body_bytes, "
    "request_log"
)
ALL_SETTINGS = f"{SETTINGS}, telemetry, cloudwatch_metrics"
HASH = "0" * 64


def problems_of(settings: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        parse_gateway_settings(settings, "gateway.settings")
    return [problem.removeprefix("gateway.settings") for problem in str(raised.value).split("\n")]


def test_all_that_the_contract_has_can_be_set_but_what_the_stack_decides():
    decided = {"version", "upstreams", "authentication", "redis_url", "redis_url_environment_variable"}
    assert set(ALL_SETTINGS.split(", ")) == set(CONTRACT["properties"]) - decided


@pytest.mark.parametrize("name", ["version", "upstreams", "authentication", "redis_url"])
def test_what_the_stack_decides_cannot_be_set(name: str):
    assert problems_of({name: None}) == [f".{name}: unknown key; must be one of {ALL_SETTINGS}"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (3, f" = 3: must be a mapping with keys out of {ALL_SETTINGS}"),
        ({"cashe": {}}, f".cashe: unknown key; must be one of {ALL_SETTINGS} (did you mean cache?)"),
        (
            {"quotas": []},
            ".quotas = []: must be a mapping with keys out of gateway_replicas, default_completion_tokens",
        ),
        (
            {"cache": {"semantic": {"distance": 1}}},
            ".cache.semantic.distance: unknown key; must be one of model_folder, min_similarity",
        ),
        (
            {"routing": {"hedge_after_seconds": 0}},
            ".routing.hedge_after_seconds = 0: must be a number above 0 and at most 86400 or null",
        ),
        ({"cache": {"nondeterministic": 1}}, ".cache.nondeterministic = 1: must be true or false"),
        (
            {"tenants": [{"id": "pilots", "models": [""]}]},
            '.tenants[0].models[0] = "": must be a text that is not empty',
        ),
        ({"tenants": [{}]}, ".tenants[0].id: is missing; must be a text like ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"),
        ({"keys": [{"id": "default", "sha256": HASH}]}, '.keys[0].id = "default": is the id of the generated key'),
        (
            {"keys": [{"id": "pilots-1", "sha256": HASH, "tenant": "pilots"}], "tenants": [{"id": "harbour"}]},
            '.keys[0].tenant = "pilots": must be an id out of tenants: harbour',
        ),
        (
            {"admission": {"max_queue_length": True}},
            ".admission.max_queue_length = true: must be an integer of at least 0 and at most 1000000",
        ),
    ],
)
def test_one_mistake_is_one_line_with_its_path_its_value_and_what_is_allowed(settings: object, problem: str):
    assert problems_of(settings) == [problem]


def test_everything_wrong_is_reported_at_once():
    settings = {
        "tenants": [{"id": "a b", "weight": 0}, {"wieght": 1}],
        "cache": {"ttl_seconds": "long", "semantic": {"min_similarity": 3}},
        "telemetry": {},
    }
    assert [problem.split(" = ")[0].split(":")[0] for problem in problems_of(settings)] == [
        ".tenants[0].id",
        ".tenants[0].weight",
        ".tenants[1].wieght",
        ".tenants[1].id",
        ".cache.ttl_seconds",
        ".cache.semantic.min_similarity",
        ".telemetry.otlp_endpoint",
    ]


@pytest.mark.parametrize(
    "keys", ["the-key-itself", ["the-key-itself"], [{"id": "pilots-1", "sha256": "the-key-itself"}]]
)
def test_a_key_that_stands_where_its_hash_belongs_is_not_shown(keys: object):
    (problem,) = problems_of({"keys": keys})
    assert "the-key-itself" not in problem


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "ttl_seconds": st.integers(-1, 2**25) | st.floats(-1, 2**25),
            "bypass_ratio": st.floats(-0.1, 1.1),
            "nondeterministic": st.booleans() | st.none(),
            "semantic": st.none()
            | st.builds(dict, min_similarity=st.floats(-0.1, 1.1), model_folder=st.text(max_size=2)),
            "ttl": st.none(),
        },
    )
)
def test_a_cache_is_accepted_where_the_contract_accepts_it(cache: dict[str, Any]):
    contract = jsonschema.Draft202012Validator({"$defs": CONTRACT["$defs"], "$ref": "#/$defs/CacheConfig"})
    if contract.is_valid(cache):
        assert parse_gateway_settings({"cache": cache}, "settings") == {"cache": cache}
    else:
        assert all(problem.startswith(".cache.") for problem in problems_of({"cache": cache}))


def test_an_installed_wheel_has_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    wheel = build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = (
        "import moorage; from moorage.spec.gateway_settings import parse_gateway_settings as parse\n"
        "print(moorage.__file__, parse({'cache': {'ttl_seconds': 60}}, 'settings'))"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert shown.startswith(str(tmp_path / "installed"))
    assert "{'cache': {'ttl_seconds': 60}}" in shown
