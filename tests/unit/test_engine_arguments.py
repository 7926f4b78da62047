"""vLLM's command line and environment, from the specification."""

import json
from typing import Any

import pytest

from moorage.engine import HostAndPort, NodeOfSeveral, Parallelism, UnixSocket, vllm_arguments, vllm_environment
from moorage.spec import ModelSpec, parse_model

SOCKET = UnixSocket("/run/engine.sock")
FOLDER = {"source": "/models/harbour"}
HUB = {"source": "hf://meta-llama/Llama-3.1-8B@v1"}


def arguments(value: dict[str, object], device: str = "gpu", **options: Any) -> list[str]:
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


def test_an_adapter_of_a_bucket_is_read_from_where_it_was_copied():
    value = {**FOLDER, "lora_adapters": {"a": "s3://harbour-models/adapters/a"}}
    assert option(arguments(value, adapter_folders={"a": "/adapters/0"}), "--lora-modules") == "a=/adapters/0"
    with pytest.raises(ValueError, match=r"lora_adapters\.a = s3://harbour-models/adapters/a: vLLM reads no adapter"):
        arguments(value)


@pytest.mark.parametrize(("parallelism", "is_distributed"), [(Parallelism(1, 1), False), (Parallelism(2, 1), True)])
def test_weights_of_a_bucket_are_streamed_in_bounded_memory(parallelism: Parallelism, is_distributed: bool):
    given = arguments({"source": "gs://harbour-models/llama"}, parallelism=parallelism)
    assert option(given, "--model") == "gs://harbour-models/llama"
    assert option(given, "--load-format") == "runai_streamer"
    extra = json.loads(option(given, "--model-loader-extra-config"))
    assert extra.pop("distributed", False) is is_distributed
    assert extra == {"concurrency": 32, "memory_limit": 5 * 2**30}


def test_as_many_requests_run_at_once_as_the_gateway_is_told():
    assert option(arguments(FOLDER, max_num_seqs=256), "--max-num-seqs") == "256"


def test_a_split_model_says_how():
    assert option(arguments(FOLDER, parallelism=Parallelism(4, 1)), "--tensor-parallel-size") == "4"
    assert "--tensor-parallel-size" not in arguments(FOLDER)


@pytest.mark.parametrize("is_leader", [True, False])
def test_of_several_nodes_the_leader_alone_serves(is_leader: bool):
    node = NodeOfSeveral("$(LWS_WORKER_INDEX)", "$(LWS_LEADER_ADDRESS)", is_leader=is_leader)
    given = arguments(FOLDER, parallelism=Parallelism(8, 2), node=node)
    assert option(given, "--pipeline-parallel-size") == option(given, "--nnodes") == "2"
    assert option(given, "--node-rank") == "$(LWS_WORKER_INDEX)"
    assert option(given, "--master-addr") == "$(LWS_LEADER_ADDRESS)"
    assert ("--headless" in given) is not is_leader


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
