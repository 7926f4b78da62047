"""When an engine wants to be asked again, and what clients are told of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from moorage_serving.gateway import errors
from moorage_serving.gateway.responses import header

if TYPE_CHECKING:
    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer


def retry_after_seconds(opened: OpenedAnswer) -> float | None:
    """Seconds out of `retry-after`; None for none, and for a date: engines do not write dates."""
    value = header(((name.lower(), value) for name, value in opened.headers), b"retry-after")
    return float(value) if value is not None and value.isdigit() else None


def overloaded_for(seconds: float) -> GatewayError:
    """Every engine has asked to be left alone for so long."""
    error = errors.overloaded()
    error.headers = ((b"retry-after", b"%d" % math.ceil(seconds)),)
    return error
