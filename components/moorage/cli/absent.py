"""Values that exist only in a deployed stack: a mark stands for each, so that the place where it is used is found."""

import re

from pulumi.runtime.rpc import UNKNOWN

_MARK = re.compile(r"<absent: ([^>]*)>")


def absent(what: str) -> str:
    """A text that stands for `what`."""
    return f"<absent: {what}>"


def absent_values(text: str) -> list[str]:
    """What the marks in a text stand for."""
    return _MARK.findall(text)


def is_unknown(value: object) -> bool:
    """Whether the SDK has written it for an output that only an update can give."""
    return isinstance(value, str) and UNKNOWN in value
