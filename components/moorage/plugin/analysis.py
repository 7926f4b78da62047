"""From annotations to Pulumi's schema: the SDK's analyzer, with two kinds of types that it refuses."""

from typing import Any, Literal, get_args, get_origin

from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition
from pydantic import JsonValue

PACKAGE = "moorage"


class PackageAnalyzer(Analyzer):
    """Reads a `Literal` of strings as a string, and pydantic's `JsonValue` as Pulumi's `Any`: a document in JSON."""

    def __init__(self) -> None:
        super().__init__(PACKAGE)

    def analyze_property(self, arg: Any, typ: type, name: str, **where: Any) -> PropertyDefinition:
        """As the SDK's."""
        return super().analyze_property(_readable(arg), typ, name, **where)


def _readable(annotation: Any) -> Any:
    if annotation is JsonValue:
        return Any
    if get_origin(annotation) is Literal and all(isinstance(value, str) for value in get_args(annotation)):
        return str
    return annotation
