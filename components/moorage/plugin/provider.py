"""Makes a component for a program in another language."""

from collections.abc import Iterable
from functools import cache
from typing import cast

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.experimental.analyzer import AnalyzeResult
from pulumi.provider.server import ComponentInitError

from moorage.plugin.analysis import PackageAnalyzer
from moorage.plugin.components import component
from moorage.plugin.values import python_properties, schema_path, schema_value, waiting
from moorage.spec.errors import SpecError

_PLAIN = (
    "must be written out: what is made follows from it, so it can be neither another resource's output nor a secret"
)


class ComponentsProvider(Provider):
    """Looks at a component when the first of its kind is asked for, and says what is wrong with its inputs."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """As the SDK's."""
        kind = resource_type.rpartition(":")[2]
        analyzed = _analyzed(kind)
        definition, types = analyzed["component_definitions"][kind], analyzed["type_definitions"]
        missing = [key for key, found in definition.inputs.items() if not found.optional and inputs.get(key) is None]
        if missing:
            raise _refusal((key, "is missing") for key in missing)
        unknown = [
            path for key, found in definition.inputs.items() for path in waiting(inputs.get(key), found, types, key)
        ]
        if unknown:
            raise _refusal((path, _PLAIN) for path in unknown)
        arguments = python_properties(inputs, definition.inputs, definition.inputs_mapping, types)
        try:
            made = component(kind)(name, arguments, options)  # pyright: ignore[reportArgumentType]
        except SpecError as error:
            raise _refusal(
                (
                    schema_path(found.key, definition.inputs, definition.inputs_mapping, types),
                    found.message.lstrip(": "),
                )
                for found in error.problems
            ) from None
        except Exception as error:
            raise ComponentInitError(error) from error
        state = {
            key: schema_value(getattr(made, definition.outputs_mapping[key]), found, types)
            for key, found in definition.outputs.items()
        }
        return ConstructResult(made.urn, cast("pulumi.Inputs", state))


@cache
def _analyzed(kind: str) -> AnalyzeResult:
    return PackageAnalyzer().analyze([component(kind)])


def _refusal(problems: Iterable[tuple[str, str]]) -> InputPropertiesError:
    details = [InputPropertyErrorDetails(property_path=key, reason=reason) for key, reason in problems]
    return InputPropertiesError("the inputs cannot be served", details)
