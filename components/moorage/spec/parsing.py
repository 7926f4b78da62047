"""From a configuration's values to the typed specification, with every problem reported at once."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from moorage.spec.allowed import describe_allowed, innermost
from moorage.spec.errors import Problem, SpecError
from moorage.spec.facts import ModelFacts
from moorage.spec.load import Load
from moorage.spec.model import ModelSpec
from moorage.spec.service_level import ServiceLevel
from moorage.spec.wording import shown, suggestion, unknown_key

SpecT = TypeVar("SpecT", bound=BaseModel)


def parse_model(value: object, path: str = "model") -> ModelSpec:
    """As `parse`."""
    return parse(ModelSpec, value, path)


def parse_load(value: object, path: str = "load") -> Load:
    """As `parse`."""
    return parse(Load, value, path)


def parse_service_level(value: object, path: str = "service_level") -> ServiceLevel:
    """As `parse`."""
    return parse(ServiceLevel, value, path)


def parse_facts(value: object, path: str = "facts") -> ModelFacts:
    """As `parse`."""
    return value if isinstance(value, ModelFacts) else parse(ModelFacts, value, path)


def parse(schema: type[SpecT], value: object, path: str) -> SpecT:
    """`value`, a mapping, as `schema`; `path` is the key under which the user wrote it, empty for a whole file.

    Raises:
        SpecError: with all problems, each with its key's path, the value, and what is allowed.
    """
    if not isinstance(value, Mapping):
        keys = ", ".join(schema.model_fields)
        raise SpecError([Problem(path, f" = {shown(value)}: must be a mapping with keys out of {keys}")])
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise SpecError(_problems(schema, error, path)) from None


def known_of(schema: type[BaseModel], args: Mapping[str, object]) -> dict[str, object]:
    """Those of a component's arguments that `schema` has; what the others are may be known later."""
    return {key: value for key, value in args.items() if key in schema.model_fields}


def _problems(schema: type[BaseModel], error: ValidationError, path: str) -> list[Problem]:
    # A default that another field's value decides is not computed while that field is wrong: no problem of its own.
    details = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
    return [problem for detail in details for problem in _problems_of(schema, detail, path)]


def _problems_of(schema: type[BaseModel], detail: ErrorDetails, path: str) -> list[Problem]:
    """One, or those that a part of the value, which is no class of pydantic, has found in itself."""
    key = _key(path, detail["loc"])
    inner = detail.get("ctx", {}).get("error")
    if isinstance(inner, SpecError):
        return [Problem(_key(key, [problem.key] if problem.key else []), problem.message) for problem in inner.problems]
    return [Problem(key, _message(schema, detail))]


def _key(path: str, location: Sequence[str | int]) -> str:
    return ".".join([*filter(None, [path]), *(str(part) for part in location if part != "[key]")])


def _message(schema: type[BaseModel], detail: ErrorDetails) -> str:
    location = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            owner, _ = innermost(schema, location)
            return unknown_key(str(location[-1]), list(owner.model_fields))
        case "missing":
            return f": is missing; must be {describe_allowed(schema, location)}"
        case "value_error" if isinstance(detail["input"], Mapping):
            return f": {detail['msg'].removeprefix('Value error, ')}"
        case "value_error":
            return f" = {shown(detail['input'])}: {detail['msg'].removeprefix('Value error, ')}"
        case "literal_error":
            allowed = describe_allowed(schema, location)
            names = allowed.removeprefix("one of ").split(", ")
            return f" = {shown(detail['input'])}: must be {allowed}{suggestion(detail['input'], names)}"
        case "string_pattern_mismatch":
            return f" = {shown(detail['input'])}: must be a text like {detail.get('ctx', {})['pattern']}"
        case _:
            return f" = {shown(detail['input'])}: must be {describe_allowed(schema, location)}"
