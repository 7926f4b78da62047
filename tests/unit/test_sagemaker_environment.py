"""vLLM's arguments survive the way through the environment of SageMaker's container."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sagemaker.entry_point import arguments_of

from moorage.aws.sagemaker_environment import PREFIX, sagemaker_environment

FLAGS = st.from_regex(r"--[a-z]{2,8}(-[a-z]{2,8}){0,2}", fullmatch=True).filter(
    lambda flag: flag not in {"--host", "--port"}
)
# What the entry point reads in a way of its own is no value of vLLM's: words of JSON, and arrays.
VALUES = st.from_regex(r"[a-zA-Z0-9/.{][a-zA-Z0-9/.:=, {}\"-]{0,20}", fullmatch=True).filter(
    lambda value: value not in {"true", "false"}
)


@given(st.dictionaries(FLAGS, st.lists(VALUES, max_size=3), max_size=8))
def test_what_goes_in_comes_out(flags: dict[str, list[str]]):
    arguments = [part for flag, values in flags.items() for part in (flag, *values)]
    assert arguments_of(sagemaker_environment(arguments)) == arguments


def test_several_values_are_an_array_and_a_flag_alone_is_true():
    environment = sagemaker_environment(["--lora-modules", "a=/a", "b=/b", "--enable-lora", "--max-loras", "2"])
    assert environment == {
        f"{PREFIX}LORA_MODULES": '["a=/a", "b=/b"]',
        f"{PREFIX}ENABLE_LORA": "true",
        f"{PREFIX}MAX_LORAS": "2",
    }


def test_a_false_flag_is_left_out():
    assert arguments_of({f"{PREFIX}ENABLE_LORA": "false", "HF_HUB_OFFLINE": "1"}) == []


def test_where_it_listens_is_the_containers_own():
    assert sagemaker_environment(["--host", "0.0.0.0", "--port", "8080"]) == {}


def test_a_value_that_sagemaker_does_not_take_is_refused():
    with pytest.raises(ValueError, match="SM_VLLM_CHAT_TEMPLATE has 1025 characters, of which SageMaker takes 1024"):
        sagemaker_environment(["--chat-template", "x" * 1025])
