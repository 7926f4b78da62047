"""Between the names of Pulumi's schema and Python's: `maxModelLen` and `max_model_len`, however deep.

The SDK's own translation takes neither an output in place of a typed value nor a list of typed values inside of one,
and hands integers over as floats (pulumi 3.272.0, pulumi/provider/experimental/component.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

import pulumi
from pulumi.provider.experimental.analyzer import PropertyDefinition, PropertyType, TypeDefinition

Types = Mapping[str, TypeDefinition]
"""By name."""


def python_properties(
    given: Mapping[str, object], properties: Mapping[str, PropertyDefinition], names: Mapping[str, str], types: Types
) -> dict[str, object]:
    """What another language has given, as Python has it. What the schema does not know keeps its name.

    :param names: Python's, by the schema's.
    """
    return {
        names.get(key, key): python_value(value, properties[key], types) if key in properties else value
        for key, value in given.items()
        if value is not None
    }


def python_value(value: object, definition: PropertyDefinition, types: Types) -> object:
    """As `python_properties`, of one value."""
    if definition.type is PropertyType.INTEGER and isinstance(value, float) and value.is_integer():
        return int(value)
    return _inside(value, definition, types, python_value, _to_python)


def schema_value(value: object, definition: PropertyDefinition, types: Types) -> object:
    """What a component gives, as the schema has it: the way back."""
    return _inside(value, definition, types, schema_value, _to_schema)


def schema_path(key: str, properties: Mapping[str, PropertyDefinition], names: Mapping[str, str], types: Types) -> str:
    """The path of a key, `model.max_model_len`, as who writes it in the schema's names sees it: `model.maxModelLen`.

    Inside of a document that the schema does not describe, keys are everybody's.
    """
    first, _, rest = key.partition(".")
    schema_name = {python: name for name, python in names.items()}.get(first, first)
    if not rest or schema_name not in properties:
        return f"{schema_name}.{rest}" if rest else schema_name
    index, definition = "", properties[schema_name]
    while definition.items is not None and rest.partition(".")[0].isdigit():
        position, _, rest = rest.partition(".")
        index, definition = f"{index}[{position}]", definition.items
    own = types.get(_own_type(definition))
    inner = schema_path(rest, own.properties, own.properties_mapping, types) if own is not None else rest
    return f"{schema_name}{index}.{inner}".removesuffix(".")


def waiting(value: object, definition: PropertyDefinition, types: Types, path: str) -> Iterator[str]:
    """Where outputs are that have to be plain values, as the schema names them."""
    if isinstance(value, pulumi.Output):
        if definition.plain:
            yield path
        return
    own, parts = types.get(_own_type(definition)), definition.additional_properties
    if definition.items is not None and isinstance(value, list):
        for index, part in enumerate(cast("list[object]", value)):
            yield from waiting(part, definition.items, types, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, part in cast("Mapping[str, object]", value).items():
            inside = own.properties.get(key) if own is not None else parts
            if inside is not None:
                yield from waiting(part, inside, types, f"{path}.{key}")


_Translate = Callable[[object, PropertyDefinition, Types], object]
_TranslateMapping = Callable[[Mapping[str, object], TypeDefinition, Types], dict[str, object]]


def _inside(
    value: object, definition: PropertyDefinition, types: Types, translate: _Translate, of_type: _TranslateMapping
) -> object:
    if isinstance(value, pulumi.Output):
        known = cast("pulumi.Output[object]", value)
        return known.apply(lambda part: translate(part, definition, types))
    own = types.get(_own_type(definition))
    if own is not None and isinstance(value, Mapping):
        return of_type(cast("Mapping[str, object]", value), own, types)
    if definition.items is not None and isinstance(value, Iterable):
        return [translate(part, definition.items, types) for part in cast("Iterable[object]", value)]
    parts = definition.additional_properties
    if parts is not None and isinstance(value, Mapping):
        return {key: translate(part, parts, types) for key, part in cast("Mapping[str, object]", value).items()}
    return value


def _to_python(value: Mapping[str, object], known: TypeDefinition, types: Types) -> dict[str, object]:
    return python_properties(value, known.properties, known.properties_mapping, types)


def _to_schema(value: Mapping[str, object], known: TypeDefinition, types: Types) -> dict[str, object]:
    names = {python: schema for schema, python in known.properties_mapping.items()}
    return {
        names[key]: schema_value(part, known.properties[names[key]], types)
        for key, part in value.items()
        if part is not None
    }


def _own_type(definition: PropertyDefinition) -> str:
    """The name in `#/types/moorage:index:Name`; that of no type where it is Pulumi's own."""
    return (definition.ref or "").rpartition(":index:")[2]
