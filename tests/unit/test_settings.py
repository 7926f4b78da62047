"""The stack's configuration as the program reads it: what is accepted, and how everything wrong with it is reported."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.settings import reset_options

from moorage.spec import FolderSource, SpecError

ROOT = Path(__file__).parents[2]
PROGRAM = ("configuration", "local", "local_model", "options", "outputs", "platforms", "settings")

POSSIBLE = [
    ("local", "always-on"),
    ("local", "serverless"),
    ("kubernetes", "always-on"),
    ("kubernetes", "serverless"),
    ("aws", "always-on"),
    ("aws", "serverless"),
    ("aws", "managed"),
    ("gcp", "always-on"),
]
CLUSTER_KEYS = (
    "images, replicas, cluster, nodes, monitoring, pool, load_balancer, edge, failover, aws, cloudwatch, fargate, "
    "jobs, function, gcp"
)
KEYS = f"cloud, option, platform, model, model_facts, tiny_model, load, service_level, gateway, engine, {CLUSTER_KEYS}"
GATEWAY_KEYS = "host, port, authentication, settings, tenant"
MODEL_KEYS = "source, revision, served_name, dtype, quantization, max_model_len, lora_adapters, chat_template"
SOURCES = (
    "hf://organisation/name, hf://organisation/name@revision, s3://bucket/folder, gs://bucket/folder or the path of a "
    "local folder"
)

Read = Callable[..., Any]


@pytest.fixture(scope="module")
def program() -> Iterator[SimpleNamespace]:
    """The modules of infra/, imported as Pulumi runs them: from their own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "infra")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in PROGRAM})
    for name in PROGRAM:
        del sys.modules[name]


@pytest.fixture
def read(program: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Reads the settings of a stack whose file has these keys, which Pulumi hands over as texts or as JSON."""

    def read_settings(**keys: object) -> Any:
        handed_over = {
            f"moorage:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in {"cloud": "local", "option": "always-on", **keys}.items()
            if value is not ...
        }
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**handed_over, "aws:region": "eu-central-1"}))
        return program.settings.read_settings()

    reset_options(project="moorage", stack="local")
    yield read_settings
    reset_options()


def problems_of(read: Read, **keys: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read(**keys)
    return str(raised.value).splitlines()


def test_only_cloud_and_option_are_required(read: Read):
    assert problems_of(read, cloud=..., option=...) == [
        "cloud: is missing; must be a text that is not empty",
        "option: is missing; must be a text that is not empty",
    ]
    configuration = read().configuration
    assert configuration.model is None
    assert (configuration.gateway.host, configuration.gateway.authentication) == ("127.0.0.1", "api_keys")
    assert configuration.engine.allow_downtime is False


def test_other_projects_keys_are_left_alone(read: Read):
    assert set(read().given) == {"cloud", "option"}


def test_the_stack_and_the_checkout_are_known(read: Read, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    settings = read()
    assert (settings.stack, settings.root) == ("local", ROOT)
    assert settings.cache_directory == Path("/caches/moorage")


def test_the_cache_is_below_the_home_directory_without_a_choice(read: Read, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/pilot")
    assert read().cache_directory == Path("/home/pilot/.cache/moorage")


def test_objects_are_read_as_objects(read: Read):
    configuration = read(
        model={"source": "/models/harbour", "max_model_len": 512},
        load={"concurrent_requests": 4},
        service_level={"p99_request_seconds": 30},
        gateway={"port": 9000, "host": "0.0.0.0", "authentication": "api_keys"},
        engine={"allow_downtime": True},
    ).configuration
    assert configuration.model.source == FolderSource("/models/harbour")
    assert configuration.load.concurrent_requests == 4
    assert configuration.service_level.p99_request_seconds == 30
    assert configuration.gateway.port == 9000
    assert configuration.engine.allow_downtime is True


def test_a_plain_key_is_a_text_whatever_it_looks_like(read: Read):
    assert read(cloud="3", option="true").configuration.cloud == "3"


@given(port=st.integers(1, 65535))
def test_a_whole_number_is_one_however_it_is_written(program: SimpleNamespace, port: int):
    parsed = program.configuration.GatewaySettings.model_validate({"port": float(port)})
    assert parsed.port == port
    assert isinstance(parsed.port, int)


def test_numbers_that_came_as_doubles_are_whole_numbers(read: Read):
    assert read(load={"concurrent_requests": 3.0}).configuration.load.concurrent_requests == 3


def test_the_defaults_of_the_project_file_are_no_choice(read: Read):
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    defaults = {key: entry["default"] for key, entry in described.items() if "default" in entry}
    assert read(**{**defaults, "model": {"source": "/models/harbour"}}).given.keys() == {"cloud", "option", "model"}
    assert read(**defaults).configuration.model is None


def test_what_the_user_wrote_is_kept_for_the_components(read: Read):
    model = {"source": "models/harbour", "max_model_len": 512}
    assert read(model=model).given["model"] == model


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            {"modle": {"source": "/models/harbour"}},
            f"modle: unknown key; must be one of {KEYS} (did you mean model?)",
        ),
        (
            {"gateway": {"prot": 9000}},
            f"gateway.prot: unknown key; must be one of {GATEWAY_KEYS} (did you mean port?)",
        ),
        (
            {"model": {"source": "/models/harbour", "max_len": 1}},
            f"model.max_len: unknown key; must be one of {MODEL_KEYS} (did you mean max_model_len?)",
        ),
        ({"model": {"dtype": "float16"}}, f"model.source: is missing; must be {SOURCES}"),
        (
            {"model": "hf://harbour/pilot"},
            f'model = "hf://harbour/pilot": must be a mapping with keys out of {MODEL_KEYS}',
        ),
        (
            {"model": {"source": "/models/harbour", "lora_adapters": {"pilot": 3}}},
            f"model.lora_adapters.pilot = 3: must be {SOURCES}",
        ),
        (
            {"model": {"source": "/models/harbour", "lora_adapters": 3}},
            "model.lora_adapters = 3: must be a mapping from names to sources",
        ),
        (
            {"gateway": 9000},
            f"gateway = 9000: must be a mapping with keys out of {GATEWAY_KEYS}",
        ),
        (
            {"gateway": [9000]},
            f"gateway = [9000]: must be a mapping with keys out of {GATEWAY_KEYS}",
        ),
        ({"gateway": {"port": "9000"}}, 'gateway.port = "9000": must be an integer of at least 1 and at most 65535'),
        ({"gateway": {"port": 70000}}, "gateway.port = 70000: must be an integer of at least 1 and at most 65535"),
        ({"gateway": {"port": 8000.5}}, "gateway.port = 8000.5: must be an integer of at least 1 and at most 65535"),
        (
            {"gateway": {"authentication": "no"}},
            'gateway.authentication = "no": must be one of api_keys, none (did you mean none?)',
        ),
        ({"engine": {"allow_downtime": "yes"}}, 'engine.allow_downtime = "yes": must be true or false'),
        (
            {"tiny_model": {"wrong_answer_ratio": 1.5}},
            "tiny_model.wrong_answer_ratio = 1.5: must be a number of at least 0 and at most 1",
        ),
        ({"load": {"concurrent_requests": 0}}, "load.concurrent_requests = 0: must be an integer of at least 1"),
        (
            {"load": {"mean_prompt_tokens": 10, "max_prompt_tokens": 5}},
            "load.max_prompt_tokens = 5: must be at least mean_prompt_tokens = 10",
        ),
        (
            {"service_level": {"p99_request_seconds": 0}},
            "service_level.p99_request_seconds = 0: must be a number above 0",
        ),
        (
            {"gateway": {"settings": {"tenants": [{"id": "harbour"}, {"id": "pilots", "weight": 0}]}}},
            "gateway.settings.tenants[1].weight = 0: must be an integer of at least 1 and at most 1000",
        ),
        (
            {"gateway": {"tenant": "pilots", "settings": {"tenants": [{"id": "harbour"}]}}},
            'gateway.tenant = "pilots": must be one of harbour',
        ),
        ({"gateway": {"host": ""}}, 'gateway.host = "": must be a text that is not empty'),
    ],
)
def test_one_wrong_key_is_one_line_with_its_path_its_value_and_what_is_allowed(
    read: Read, keys: dict[str, object], problem: str
):
    assert problems_of(read, **keys) == [problem]


def test_everything_wrong_is_reported_at_once(read: Read):
    problems = problems_of(
        read,
        modle={},
        cluod="local",
        model={"dtype": "float8", "lora_adapters": {"a b": 3}},
        gateway={"port": 0, "host": 5, "settings": {"cashe": {}, "cache": {"ttl_seconds": 0}}},
        engine={"allow_downtime": 1},
    )
    assert [problem.split(" = ")[0].split(":")[0] for problem in problems] == [
        "model.source",
        "model.dtype",
        "model.lora_adapters.a b",
        "model.lora_adapters.a b",
        "gateway.host",
        "gateway.port",
        "gateway.settings.cache.ttl_seconds",
        "gateway.settings.cashe",
        "engine.allow_downtime",
        "cluod",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gateway.example.org"])
def test_an_open_gateway_for_others_is_refused(read: Read, host: str):
    assert problems_of(read, gateway={"host": host, "authentication": "none"}) == [
        f'gateway.authentication = "none": must be api_keys, unless gateway.host is 127.0.0.1; it is {host}'
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_an_open_gateway_for_this_machine_is_accepted(read: Read, host: str):
    gateway = read(gateway={"host": host, "authentication": "none"}).configuration.gateway
    assert (gateway.host, gateway.authentication) == (host, "none")


def test_an_open_gateway_has_no_key_for_a_tenant(read: Read):
    gateway = {"authentication": "none", "tenant": "harbour", "settings": {"tenants": [{"id": "harbour"}]}}
    assert problems_of(read, gateway=gateway) == [
        'gateway.tenant = "harbour": has no meaning without keys; the tenant of everybody has the id anonymous'
    ]


def test_a_model_and_the_tiny_model_exclude_each_other(read: Read):
    keys = {"model": {"source": "/models/harbour"}, "tiny_model": {"wrong_answer_ratio": 0.5}}
    assert problems_of(read, **keys) == ["tiny_model: has no meaning beside model; remove one of them"]
    assert read(tiny_model=keys["tiny_model"]).configuration.tiny_model.wrong_answer_ratio == 0.5


@pytest.mark.parametrize(("cloud", "option"), [("mars", "always-on"), ("local", "managed"), ("", "")])
def test_an_impossible_combination_is_refused_with_the_possible_ones(
    program: SimpleNamespace, read: Read, cloud: str, option: str
):
    settings = read(cloud=cloud, option=option)
    with pytest.raises(SpecError) as raised:
        program.options.build(settings)
    possible = ", ".join(f"{cloud} with {option}" for cloud, option in POSSIBLE)
    assert str(raised.value) == f"cloud = {cloud} with option = {option}: possible is {possible}"


def test_a_possible_combination_is_built_by_its_own_builder(
    program: SimpleNamespace, read: Read, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(program.options, "BUILDERS", {program.platforms.PROCESS: lambda settings: settings.stack})
    assert program.options.build(read()) == "local"


@given(
    keys=st.dictionaries(
        st.sampled_from(["model", "tiny_model", "load", "service_level", "gateway", "engine", "gatewy"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "source",
                            "lora_adapters",
                            "port",
                            "host",
                            "authentication",
                            "settings",
                            "tenants",
                            "keys",
                            "cache",
                            "id",
                        ]
                    )
                    | st.text(max_size=8),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=6,
        ),
    )
)
def test_no_message_shows_how_the_library_works_inside(program: SimpleNamespace, keys: dict[str, object]):
    try:
        program.settings.parse(program.configuration.Configuration, {"cloud": "local", "option": "x", **keys}, "")
    except SpecError as error:
        for problem in error.problems:
            assert problem.key
            assert problem.message.startswith((" = ", ": "))
            assert not any(
                word in str(problem) for word in ("pydantic", "typing.", "<class", "Value error", "moorage.")
            )


def test_the_project_file_describes_every_key(program: SimpleNamespace):
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    fields = program.configuration.Configuration.model_fields
    assert list(described) == list(fields)
    assert all(entry["description"] for entry in described.values())
    assert {key for key, entry in described.items() if "default" in entry} == {
        key for key, field in fields.items() if not field.is_required()
    }


def test_an_idle_time_is_of_use_only_where_the_engine_is_stopped(read: Read):
    assert problems_of(read, engine={"idle_seconds": 60}) == [
        "engine: idle_seconds has no meaning with option = always-on; remove it"
    ]
    assert read(option="serverless", engine={"idle_seconds": 60}).configuration.engine.idle_seconds == 60
    assert read(option="serverless").configuration.engine.idle_seconds is None


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_stacks_that_come_along_can_be_built(program: SimpleNamespace, read: Read, path: Path):
    keys = yaml.safe_load(path.read_text())["config"]
    configuration = read(**{key.removeprefix("moorage:"): value for key, value in keys.items()}).configuration
    assert configuration.chosen in program.options.BUILDERS


@pytest.mark.parametrize(
    "key",
    [
        "tiny_model",
        "gateway",
        "engine",
        "images",
        "replicas",
        "cluster",
        "monitoring",
        "nodes",
        "pool",
        "aws",
        "cloudwatch",
        "function",
        "gcp",
    ],
)
def test_the_description_of_a_group_names_its_keys(program: SimpleNamespace, key: str):
    """The groups that no class of `moorage.spec` describes."""
    description = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"][key]["description"]
    annotation = program.configuration.Configuration.model_fields[key].annotation
    group, *_ = get_args(annotation) or [annotation]
    assert all(f"`{name}`" in description for name in group.model_fields)
