"""Cuts long text where nothing that is looked for can go on.

A regular expression does not let go of the interpreter until it is done: on a long text it would hold up the event
loop for a tenth of a second.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage_serving.gateway.request_log.patterns import SENSITIVE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

# The end of a line that does not announce the next one, the end of a sentence, or the space between two plain words.
BORDER = re.compile(r"""(?<![:=>"'`\s])\n|[\u3002\uff01\uff1f]|(?<![^\W\d_])([a-z]{5,}) (?=([a-z]{2,})(?!\w))""")
BELONGS_TOGETHER = re.compile(rf"(?:{SENSITIVE_WORDS}|keys?|is|was)", re.IGNORECASE)


def pieces(text: str, piece_characters: int) -> Iterator[str]:
    """The text in pieces of about this size, longer where it has no border."""
    start = 0
    for border in BORDER.finditer(text, min(piece_characters, len(text))):
        if border.end() - start >= piece_characters and not _belongs_together(border):
            yield text[start : border.end()]
            start = border.end()
    yield text[start:]


def _belongs_together(border: re.Match[str]) -> bool:
    """The words around it may be the name of a secret that follows."""
    return any(word is not None and BELONGS_TOGETHER.fullmatch(word) is not None for word in border.groups())
