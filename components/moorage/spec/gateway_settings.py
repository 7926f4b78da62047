"""What a user may set of the gateway's document; the rest of it follows from the stack."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, cast

from jsonschema import Draft202012Validator, ValidationError
from pydantic import JsonValue, PlainValidator

from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_contract import Schema, contract, described, resolved
from moorage.spec.wording import shown, unknown_key

OWN_KEY_ID = "default"
"""The id of the key that a stack generates."""
_DECIDED_BY_THE_STACK = frozenset(
    {"version", "upstreams", "authentication", "redis_url", "redis_url_environment_variable"}
)

GatewaySettings = Mapping[str, JsonValue]
"""Keys of the gateway's document, as contracts/gateway-config.v1.schema.json has them."""


def parse_gateway_settings(value: object, path: str) -> dict[str, JsonValue]:
    """`value`, with whole numbers as integers; `path` is the key under which the user wrote it.

    Raises:
        SpecError: with all problems, each with its key's path, the value, and what is allowed.
    """
    # The stub's older overload, with a schema of its own, has no type.
    errors = _validator().iter_errors(cast("JsonValue", value))  # pyright: ignore[reportUnknownMemberType]
    # One unknown key, or one that is missing, may be reported together with its neighbours.
    problems = dict.fromkeys(problem for error in errors for problem in _problems(error, path))
    if problems:
        raise SpecError(problems)
    settings = cast("dict[str, JsonValue]", _with_whole_numbers(cast("JsonValue", value)))
    problems = list(_inconsistencies(settings, path))
    if problems:
        raise SpecError(problems)
    return settings


ParsedGatewaySettings = Annotated[dict[str, JsonValue], PlainValidator(lambda value: parse_gateway_settings(value, ""))]
"""A field of a specification, as `parse_gateway_settings` makes it."""


def otlp_endpoint_of(settings: GatewaySettings) -> str | None:
    """Where gateways send traces and metrics, if they do."""
    telemetry = cast("dict[str, JsonValue]", settings.get("telemetry") or {})
    return cast("str | None", telemetry.get("otlp_endpoint"))


def check_tenant(tenant: str, settings: GatewaySettings, path: str) -> None:
    """Raises `SpecError` where the settings have no such tenant."""
    tenants = _texts(settings, "tenants", "id")
    if tenant not in tenants:
        known = f"one of {', '.join(tenants)}" if tenants else "left out, because settings.tenants is empty"
        raise SpecError([Problem(path, f" = {shown(tenant)}: must be {known}")])


@cache
def _validator() -> Draft202012Validator:
    properties = {name: part for name, part in contract()["properties"].items() if name not in _DECIDED_BY_THE_STACK}
    return Draft202012Validator(
        {"$defs": contract()["$defs"], "type": "object", "properties": properties, "additionalProperties": False}
    )


def _problems(error: ValidationError, path: str) -> Iterator[Problem]:
    """In the words of `moorage.spec`; the library's would show the schema."""
    part = resolved(cast("Schema", error.schema))
    key = _key(path, error.absolute_path)
    match error.validator:
        case "additionalProperties":
            for name in [name for name in _names(error) if name not in part["properties"]]:
                yield Problem(_key(key, [name]), unknown_key(name, list(part["properties"])))
        case "required":
            for name in [name for name in part["required"] if name not in _names(error)]:
                yield Problem(_key(key, [name]), f": is missing; must be {described(part['properties'][name])}")
        case "anyOf" if inner := [found for found in error.context or () if _is_inside(found, error)]:
            for found in inner:
                yield from _problems(found, path)
        case _:
            # Somebody may have written the key itself where its hash belongs.
            value = "" if "keys" in list(error.absolute_path)[:1] else f" = {shown(error.instance)}"
            yield Problem(key, f"{value}: must be {described(part)}")


def _names(error: ValidationError) -> list[str]:
    return list(cast("Mapping[str, object]", error.instance))


def _is_inside(found: ValidationError, alternatives: ValidationError) -> bool:
    """Whether it is about the content of a value whose kind is right."""
    return found.validator in {"additionalProperties", "required"} or found.absolute_path != alternatives.absolute_path


def _inconsistencies(settings: GatewaySettings, path: str) -> Iterator[Problem]:
    """What no schema can say about keys. All else of that kind the gateway checks, and says in its log."""
    tenants = _texts(settings, "tenants", "id")
    for index, key in enumerate(_parts(settings, "keys")):
        where = ["keys", index]
        if key["id"] == OWN_KEY_ID:
            yield Problem(_key(path, [*where, "id"]), f' = "{OWN_KEY_ID}": is the id of the generated key')
        if key.get("tenant") is not None and key["tenant"] not in tenants:
            allowed = ", ".join(tenants) or "none are set"
            yield Problem(
                _key(path, [*where, "tenant"]), f" = {shown(key['tenant'])}: must be an id out of tenants: {allowed}"
            )


def _texts(settings: GatewaySettings, name: str, key: str) -> list[str]:
    return [cast("str", part[key]) for part in _parts(settings, name)]


def _parts(settings: GatewaySettings, name: str) -> list[dict[str, JsonValue]]:
    return cast("list[dict[str, JsonValue]]", settings.get(name, []))


def _key(path: str, location: Iterable[str | int]) -> str:
    """`gateway.settings.tenants[0].weight`, as the gateway itself writes it."""
    inside = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{path}{inside}".removeprefix(".")


def _with_whole_numbers(value: JsonValue) -> JsonValue:
    """Pulumi hands every number over as a double, of which the gateway takes no integer."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_with_whole_numbers(part) for part in value]
        case dict():
            return {key: _with_whole_numbers(part) for key, part in value.items()}
        case _:
            return value
