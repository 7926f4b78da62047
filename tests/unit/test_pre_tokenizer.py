"""Which pre-tokenizer of llama.cpp's a tokenizer has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.quantize.pre_tokenizer import GPT_2, pre_tokenizer_of

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def test_a_byte_level_with_its_own_expression_splits_as_gpt_2():
    assert pre_tokenizer_of({"pre_tokenizer": BYTE_LEVEL, "normalizer": None}) == GPT_2


@pytest.mark.parametrize(
    "tokenizer",
    [
        {},
        {"pre_tokenizer": None},
        {"pre_tokenizer": {**BYTE_LEVEL, "use_regex": False}},
        {"pre_tokenizer": {**BYTE_LEVEL, "add_prefix_space": True}},
        {"pre_tokenizer": BYTE_LEVEL, "normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTE_LEVEL]}},
    ],
)
def test_what_splits_otherwise_is_not_guessed(tokenizer: dict[str, object]):
    assert pre_tokenizer_of(tokenizer) is None


@given(added=st.lists(st.text(), max_size=5))
def test_tokens_of_its_own_make_no_difference(added: list[str]):
    assert pre_tokenizer_of({"pre_tokenizer": BYTE_LEVEL, "added_tokens": added}) == GPT_2
