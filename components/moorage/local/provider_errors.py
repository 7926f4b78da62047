"""Shows a `LocalError` as one clear message instead of a stack trace."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from moorage.local.errors import LocalError

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def without_traceback(method: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Wraps a dynamic provider's method.

    The dynamic provider's server sends `traceback.format_exc()` to the engine, which leaves the frames out
    while `sys.tracebacklimit` is 0. Other exceptions are defects and keep their trace.
    """

    @wraps(method)
    def wrapper(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except LocalError:
            sys.tracebacklimit = 0
            raise

    return wrapper
