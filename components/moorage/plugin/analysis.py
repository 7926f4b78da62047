"""From annotations to Pulumi's schema: the SDK's analyzer, fitted to how our components are written."""

from typing import Any, Literal, get_args, get_origin

import pulumi
from pulumi.provider.experimental.analyzer import (
    Analyzer,
    AnalyzeResult,
    DuplicateTypeError,
    PropertyDefinition,
    TypeDefinition,
)
from pydantic import JsonValue

PACKAGE = "moorage"
_SUFFIX = "Args"


class PackageAnalyzer(Analyzer):
    """Reads a `Literal` of strings as a string, and pydantic's `JsonValue` as Pulumi's `Any`: a document in JSON.

    Types lose the `Args` of their names, which other languages' SDKs add themselves, and what one component gives is
    of the type that another one takes: `ScaleTarget` and `ScaleTargetArgs` are one.
    """

    def __init__(self) -> None:
        super().__init__(PACKAGE)

    def analyze(self, components: list[type[pulumi.ComponentResource]]) -> AnalyzeResult:
        """As the SDK's. Raises `DuplicateTypeError` where two types have one name and other properties."""
        found = super().analyze(components)
        types: dict[str, TypeDefinition] = {}
        for definition in found["type_definitions"].values():
            _shorten(definition.properties)
            definition.name = definition.name.removesuffix(_SUFFIX)
            known = types.setdefault(definition.name, definition)
            if _shape(known) != _shape(definition):
                raise DuplicateTypeError(definition.module, known)
        for component in found["component_definitions"].values():
            _shorten(component.inputs)
            _shorten(component.outputs)
        found["type_definitions"] = types
        return found

    def analyze_type(
        self, typ: type, *, is_component_output: bool
    ) -> tuple[dict[str, PropertyDefinition], dict[str, str]]:
        """As the SDK's; a type is the same one wherever it is used."""
        is_component = issubclass(typ, pulumi.ComponentResource)
        return super().analyze_type(typ, is_component_output=is_component_output and is_component)

    def analyze_property(self, arg: Any, typ: type, name: str, **where: Any) -> PropertyDefinition:
        """As the SDK's."""
        found = super().analyze_property(_readable(arg), typ, name, **where)
        for inside in (found.items, found.additional_properties):
            if inside is not None and inside.ref is not None and inside.ref.startswith("#/"):
                # Pulumi's generator for Go leaves out the type of plain items in a plain list or map (CLI 3.259.0).
                inside.plain = None
        return found


def _readable(annotation: Any) -> Any:
    if annotation is JsonValue:
        return Any
    if get_origin(annotation) is Literal and all(isinstance(value, str) for value in get_args(annotation)):
        return str
    return annotation


def _shorten(properties: dict[str, PropertyDefinition]) -> None:
    """Names the package's own types without their suffix, in whatever refers to them."""
    for definition in properties.values():
        if definition.ref is not None and definition.ref.startswith("#/"):
            definition.ref = definition.ref.removesuffix(_SUFFIX)
        inside = {"items": definition.items, "additional_properties": definition.additional_properties}
        _shorten({name: part for name, part in inside.items() if part is not None})


def _shape(definition: TypeDefinition) -> dict[str, tuple[object, ...]]:
    """What a value of the type has to be."""
    return {name: (part.type, part.ref, part.optional) for name, part in definition.properties.items()}
