"""How long requests wait for an engine that is not up."""

from typing import TYPE_CHECKING, cast

from moorage.spec.gateway_settings import GatewaySettings

if TYPE_CHECKING:
    from pydantic import JsonValue


def with_patience(given: GatewaySettings, seconds: int) -> GatewaySettings:
    """Requests wait as long as the engine may take to start, unless the stack's file says otherwise."""
    admission = cast("dict[str, JsonValue]", given.get("admission", {}))
    longest = cast("float", admission.get("max_deadline_seconds", seconds))
    patience: dict[str, JsonValue] = {"deadline_seconds": min(seconds, longest), "max_deadline_seconds": longest}
    return {**given, "admission": {**patience, **admission}}
