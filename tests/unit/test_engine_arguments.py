"""vLLM's command line and environment, from the specification."""

import pytest

from moorage.engine import HostAndPort, UnixSocket, vllm_arguments, vllm_environment
from moorage.spec import ModelSpec, parse_model

SOCKET = UnixSocket("/run/engine.sock")
FOLDER = {"source": "/models/harbour"}
HUB = {"source": "hf://meta-llama/Llama-3.1-8B@v1"}


def arguments(value: dict[str, object], device: str = "gpu", **options: int) -> list[str]:
    return vllm_arguments(parse_model(value), SOCKET, device=device, shutdown_timeout_seconds=45, **options)


def option(given: list[str], flag: str) -> str:
    assert given.count(flag) == 1
    return given[given.index(flag) + 1]


def test_only_what_differs_from_vllms_own_defaults_is_given():
    assert arguments(FOLDER) == [
        *["--model", "/models/harbour"],
        *["--served-model-name", "harbour"],
        *["--shutdown-timeout", "45"],
        *["--disable-access-log-for-endpoints", "/health,/metrics,/v1/models"],
        *["--uds", "/run/engine.sock"],
    ]


def test_a_hub_model_is_named_by_repository_and_revision():
    given = arguments(HUB)
    assert option(given, "--model") == "meta-llama/Llama-3.1-8B"
    assert option(given, "--revision") == "v1"


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("served_name", "other", "--served-model-name"),
        ("dtype", "bfloat16", "--dtype"),
        ("quantization", "awq", "--quantization"),
        ("max_model_len", 4096, "--max-model-len"),
        ("chat_template", "/templates/chat.jinja", "--chat-template"),
    ],
)
def test_each_field_has_its_flag(field: str, value: object, flag: str):
    assert option(arguments({**FOLDER, field: value}), flag) == str(value)


def test_the_cpu_compiles_nothing_and_gets_its_kv_cache_in_bytes():
    given = arguments(FOLDER, "cpu", kv_cache_memory_bytes=2**30)
    assert "--enforce-eager" in given
    assert option(given, "--kv-cache-memory-bytes") == str(2**30)


def test_it_listens_on_a_port_where_one_is_given():
    given = vllm_arguments(
        parse_model(FOLDER), HostAndPort("127.0.0.1", 8000), device="gpu", shutdown_timeout_seconds=45
    )
    assert given[-4:] == ["--host", "127.0.0.1", "--port", "8000"]
    assert "--uds" not in given


@pytest.mark.parametrize(("rank", "allowed"), [(1, 1), (9, 16), (64, 64), (300, 320)])
def test_adapters_share_a_batch_and_get_the_next_rank_that_vllm_knows(rank: int, allowed: int):
    given = arguments({**FOLDER, "lora_adapters": {"a": "/adapters/a", "b": "hf://org/b"}}, lora_rank=rank)
    start = given.index("--lora-modules")
    assert given[start + 1 : start + 3] == ["a=/adapters/a", "b=org/b"]
    assert option(given, "--max-loras") == "2"
    assert option(given, "--max-lora-rank") == str(allowed)
    assert "--enable-lora" in given


def test_a_rank_above_vllms_highest_is_refused():
    with pytest.raises(ValueError, match="lora_rank = 513"):
        arguments({**FOLDER, "lora_adapters": {"a": "/adapters/a"}}, lora_rank=513)


@pytest.mark.parametrize(
    "value",
    [
        {"source": "models/harbour"},
        {"source": "~/harbour"},
        {**FOLDER, "chat_template": "chat.jinja"},
        {**FOLDER, "lora_adapters": {"a": "adapters/a"}},
    ],
)
def test_a_path_that_is_not_absolute_is_refused(value: dict[str, object]):
    with pytest.raises(ValueError, match="must be an absolute path"):
        arguments(value)


def test_an_engine_never_reports_usage():
    environment = vllm_environment(parse_model(HUB), device="gpu")
    assert environment == {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONHASHSEED": "0"}


@pytest.mark.parametrize(
    ("model", "is_offline"),
    [
        (parse_model(FOLDER), True),
        (parse_model(HUB), False),
        (parse_model({**FOLDER, "lora_adapters": {"a": "hf://org/a"}}), False),
    ],
    ids=["folder", "hub", "adapter from the hub"],
)
def test_the_hub_is_asked_only_where_something_comes_from_it(model: ModelSpec, is_offline: bool):
    assert ("HF_HUB_OFFLINE" in vllm_environment(model, device="cpu")) is is_offline


def test_engines_on_one_machine_do_not_share_one_core():
    assert vllm_environment(parse_model(FOLDER), device="cpu")["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
