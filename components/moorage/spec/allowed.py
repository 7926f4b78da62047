"""What a field accepts, in words, from the field's own definition."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moorage.spec.source import ALLOWED_SOURCES, ModelSource

_LIMITS = (("ge", "of at least"), ("gt", "above"), ("le", "at most"))
_LIST, _LISTS = "a list", (list, Sequence)
_KINDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text that is not empty",
}


def innermost(schema: type[BaseModel], location: Sequence[str | int]) -> tuple[type[BaseModel], Sequence[str | int]]:
    """The model that has the key at `location` of `schema`, which may be one inside it, and the location in there."""
    field = schema.model_fields.get(str(location[0]))
    nested = _model_of(field.annotation) if field else None
    in_a_list = len(location) > 1 and isinstance(location[1], int)
    inside = location[2 if in_a_list else 1 :]
    return (schema, location) if nested is None or not inside else innermost(nested, inside)


def describe_allowed(schema: type[BaseModel], location: Sequence[str | int]) -> str:
    """For the field at `location`: "an integer of at least 1", "one of auto, float16", …"""
    owner, inside = innermost(schema, location)
    field = owner.model_fields[str(inside[0])]
    if len(inside) == 1:
        return f"{_kind(field.annotation)}{_limits(field)}".replace(*_filled(field), 1)
    parts = get_args(_without_none(field.annotation))
    return _kind(parts[0] if inside[-1] == "[key]" else parts[-1])


def _model_of(annotation: object) -> type[BaseModel] | None:
    candidates = get_args(annotation) if get_origin(annotation) in {Union, UnionType, *_LISTS} else (annotation,)
    models = [found for found in candidates if isinstance(found, type) and issubclass(found, BaseModel)]
    return models[0] if models else None


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation == ModelSource:
        return ALLOWED_SOURCES
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return f"one of {', '.join(str(argument) for argument in arguments)}"
    if origin in _LISTS:
        return f"{_LIST}, each {_kind(arguments[0])}"
    if origin in {Union, UnionType}:
        return " or ".join(_kind(argument) for argument in arguments if argument is not NoneType)
    model = _model_of(annotation)
    if model is not None:
        return f"a mapping with keys out of {', '.join(model.model_fields)}"
    if isinstance(origin, type) and len(arguments) == len(("key", "value")):
        return "a mapping from names to sources"
    return _KINDS[annotation] if isinstance(annotation, type) and annotation in _KINDS else str(annotation)


def _without_none(annotation: object) -> object:
    given = [part for part in get_args(annotation) if part is not NoneType]
    return given[0] if get_origin(annotation) in {Union, UnionType} and len(given) == 1 else annotation


def _filled(field: FieldInfo) -> tuple[str, str]:
    """How a list is called that must not be empty."""
    is_filled = any(getattr(constraint, "min_length", 0) for constraint in field.metadata)
    return _LIST, f"{_LIST} that is not empty" if is_filled else _LIST


def _limits(field: FieldInfo) -> str:
    return " and".join(
        f" {words} {getattr(constraint, name)}"
        for constraint in field.metadata
        for name, words in _LIMITS
        if hasattr(constraint, name)
    )
