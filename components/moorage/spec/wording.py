"""The words in which a problem shows a value and says which names there are."""

import difflib
import json
from collections.abc import Sequence

_MAX_VALUE_LENGTH = 80


def shown(value: object) -> str:
    """The value as JSON, cut where it is long."""
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


def unknown_key(unknown: str, keys: Sequence[str]) -> str:
    """What to say after the path of a key that is none of `keys`."""
    return f": unknown key; must be one of {', '.join(keys)}{suggestion(unknown, keys)}"


def suggestion(unknown: object, known: Sequence[str]) -> str:
    """The name that was probably meant, if there is one."""
    closest = difflib.get_close_matches(str(unknown), known, n=1)
    return f" (did you mean {closest[0]}?)" if closest else ""
