"""What a field accepts, in words, from the field's own definition."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moorage.spec.source import ALLOWED_SOURCES, ModelSource

_LIMITS = (("ge", "of at least"), ("gt", "above"))
_KINDS = {
    int: "an integer",
    float: "a number",
    str: "a text that is not empty",
}


def describe_allowed(schema: type[BaseModel], location: Sequence[str | int]) -> str:
    """For the field at `location`: "an integer of at least 1", "one of auto, float16", …"""
    field = schema.model_fields[str(location[0])]
    if len(location) == 1:
        return f"{_kind(field.annotation)}{_limits(field)}"
    key_kind, value_kind = get_args(field.annotation)
    return _kind(key_kind if location[-1] == "[key]" else value_kind)


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation == ModelSource:
        return ALLOWED_SOURCES
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return f"one of {', '.join(str(argument) for argument in arguments)}"
    if origin in {Union, UnionType}:
        return " or ".join(_kind(argument) for argument in arguments if argument is not NoneType)
    if isinstance(origin, type) and len(arguments) == len(("key", "value")):
        return "a mapping from names to sources"
    return _KINDS[annotation] if isinstance(annotation, type) and annotation in _KINDS else str(annotation)


def _limits(field: FieldInfo) -> str:
    return " and".join(
        f" {words} {getattr(constraint, name)}"
        for constraint in field.metadata
        for name, words in _LIMITS
        if hasattr(constraint, name)
    )
