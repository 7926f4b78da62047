"""How long a request is willing to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.errors import invalid_request
from moorage_serving.gateway.responses import header

if TYPE_CHECKING:
    from moorage_serving.gateway.config.serving import AdmissionConfig
    from moorage_serving.gateway.responses import HeaderList

HEADER = b"x-request-deadline-ms"
# Three hundred years: everything longer is nonsense, and would be slow to read.
MAX_DIGITS = 13


def deadline_seconds(headers: HeaderList, config: AdmissionConfig) -> float:
    """The deadline that the request's headers name, at most `max_deadline_seconds`; the default where they do not.

    Raises GatewayError (400) for anything but a whole number of milliseconds, at least 1.
    """
    value = header(headers, HEADER)
    if value is None:
        return config.deadline_seconds
    if not value.isdigit() or len(value) > MAX_DIGITS or not int(value):
        name = HEADER.decode()
        raise invalid_request(f"`{name}` must be a whole number of milliseconds, at least 1.", param=name)
    return min(int(value) / 1000, config.max_deadline_seconds)
