"""Answers for AWS's provider: every output is a reference of Terraform's, such as `${aws_sqs_queue.jobs.arn}`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from tests.contract.aws_answers import AWS_FUNCTIONS
from tests.contract.recording import OUTPUTS

from .provider_schema import Block, ProviderSchema, attributes, blocks, camel

AUTOMATIC_NAMES = ("name", "function_name", "family", "bucket", "replication_group_id", "alarm_name")
"""What Pulumi makes up where a program has left it out."""
SINGLE_OUTPUTS = frozenset({"certificate_authority"})
"""Lists of Terraform's that are one thing in Pulumi: only Pulumi's provider itself says which."""
_SUFFIX = "-1a2b3c4"


class TerraformAnswers(Mocks):
    """Remembers by which name of Terraform's each resource of AWS goes."""

    def __init__(self, schema: ProviderSchema) -> None:
        self._schema = schema
        self.labels: dict[tuple[str, str], str] = {}
        """By type and name of Pulumi's."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        resource_type = self._schema.resource_type(args.typ) if args.typ.startswith("aws:") else None
        if resource_type is None:
            answer = OUTPUTS.get(args.typ)
            return f"{args.name}-id", {**args.inputs, **(answer(args.name, args.inputs) if answer else {})}
        label = _label(args.name)
        self.labels[args.typ, args.name] = label
        block = self._schema.block(resource_type)
        named = {**automatic_names(args.name, args.inputs, block), **args.inputs}
        reference = f"{resource_type}.{label}"
        return f"${{{reference}.id}}", {**named, **_pulumis_name(named), **_outputs(block, named, reference)}

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]]]:
        assert args.token in AWS_FUNCTIONS, f"{args.token}: components call no provider functions"
        return AWS_FUNCTIONS[args.token], []


def automatic_names(name: str, inputs: Mapping[str, Any], block: Block) -> dict[str, str]:
    """The names that Pulumi makes up, as long as they are there."""
    if any(camel(f"{argument}_prefix") in inputs for argument in AUTOMATIC_NAMES):
        return {}
    left_out = [
        argument for argument in AUTOMATIC_NAMES if argument in attributes(block) and camel(argument) not in inputs
    ]
    return {camel(argument): f"{name}{_SUFFIX}" for argument in left_out if _can_be_given(attributes(block)[argument])}


def _pulumis_name(named: Mapping[str, Any]) -> dict[str, Any]:
    """Pulumi calls `name` what Terraform calls an alarm's or a function's name."""
    found = [named[key] for key in ("alarmName", "functionName") if key in named]
    return {} if "name" in named or not found else {"name": found[0]}


def _can_be_given(attribute: Mapping[str, Any]) -> bool:
    return bool(attribute.get("required") or attribute.get("optional"))


def _label(name: str) -> str:
    label = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return label if label[0].isalpha() else f"_{label}"


def _outputs(block: Block, inputs: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Of what the provider finds out by itself, and the program has not said."""
    own = {
        _pulumis_output(name, attribute): _output(name, f"{reference}.{name}", attribute.get("type"))
        for name, attribute in attributes(block).items()
        if attribute.get("computed") and camel(name) not in inputs
    }
    return {**own, **dict(_block_outputs(block, inputs, reference))}


def _block_outputs(block: Block, inputs: Mapping[str, Any], reference: str) -> "list[tuple[str, dict[str, Any]]]":
    """Of the blocks that there is one of at most, such as a cluster's `vpc_config`."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, inner in blocks(block).items():
        given = inputs.get(camel(name))
        if inner.get("max_items") == 1 and isinstance(given, dict):
            found.append((camel(name), {**given, **_outputs(inner["block"], given, f"{reference}.{name}[0]")}))
    return found


def _pulumis_output(name: str, attribute: Mapping[str, Any]) -> str:
    """Pulumi has lists in the plural."""
    match attribute.get("type"):
        case ["list", ["object", _]] if name not in SINGLE_OUTPUTS and not name.endswith("s"):
            return f"{camel(name)}s"
        case _:
            return camel(name)


def _output(name: str, expression: str, kind: Any) -> Any:
    found = _reference(expression, kind)
    return found[0] if name in SINGLE_OUTPUTS else found


def _reference(expression: str, kind: Any) -> Any:
    match kind:
        case ["list" | "set", ["object", fields]]:
            inner: Callable[[str, Any], Any] = _reference
            # A set has no order in Terraform, and no first element.
            one = f"tolist({expression})[0]" if kind[0] == "set" else f"{expression}[0]"
            return [{camel(name): inner(f"{one}.{name}", field) for name, field in fields.items()}]
        case ["list" | "set", _]:
            return [f"${{tolist({expression})[0]}}"]
        case ["map", _]:
            return {}
        case _:
            return f"${{{expression}}}"
