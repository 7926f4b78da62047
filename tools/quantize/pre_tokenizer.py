"""Which of llama.cpp's pre-tokenizers a model has, read from its own tokenizer.

llama.cpp's converter knows it by a hash over what the tokenizer makes of a sample, so that one with a vocabulary or
tokens of its own, as finetuned models have, is unknown to it. Standard library only: it runs under the engine's
interpreter.
"""

from collections.abc import Mapping

GPT_2 = "gpt-2"


def pre_tokenizer_of(tokenizer: Mapping[str, object]) -> str | None:
    """llama.cpp's name for what a `tokenizer.json` says; None where nothing that is known fits exactly.

    A `ByteLevel` with its own expression splits as GPT-2 does (huggingface/tokenizers 0.22,
    src/pre_tokenizers/byte_level.rs; llama.cpp, src/llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_GPT2).
    """
    found = tokenizer.get("pre_tokenizer")
    if not isinstance(found, Mapping) or tokenizer.get("normalizer") is not None:
        return None
    is_byte_level = found.get("type") == "ByteLevel" and found.get("use_regex") is True
    return GPT_2 if is_byte_level and found.get("add_prefix_space") is False else None
