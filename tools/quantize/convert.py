"""Runs llama.cpp's own converter under the engine's interpreter: `convert.py CONVERTER PRE_TOKENIZER_OR_- ARGUMENTS`.

A pre-tokenizer that is named stands in where the converter does not know the model's.
"""

# pyright: basic, reportMissingImports=false
# The converter is llama.cpp's, and what it needs the engine's.

import sys
from typing import Any


def main() -> None:
    """With its arguments, as if it had been started itself."""
    _, folder, named, *arguments = sys.argv
    sys.path.insert(0, folder)
    import convert_hf_to_gguf
    from conversion.base import TextModel

    known = TextModel.get_vocab_base_pre

    def known_or_named(self: Any, tokenizer: Any) -> str:
        try:
            return known(self, tokenizer)
        except NotImplementedError:
            if named == "-":
                raise
            return named

    TextModel.get_vocab_base_pre = known_or_named
    sys.argv = ["convert_hf_to_gguf.py", *arguments]
    convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()
