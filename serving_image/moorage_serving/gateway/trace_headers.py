"""W3C Trace Context, as requests carry it: https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.responses import HeaderList

NAMES = frozenset({b"traceparent", b"tracestate"})


def trace_headers(headers: HeaderList) -> dict[str, str]:
    """Those of a request's headers, whose names are lower-case, that make traces go on."""
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in NAMES}
