"""Runs the program on Terraform's answers, as Pulumi would; prints what it made in Terraform's JSON.

The stack's configuration is in PULUMI_CONFIG; PYTHONPATH has the checkout and infra/. The argument
is the schema's file.
"""

import json
import runpy
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from moorage.cli.recording import Registration, Secret, run_program

from .answers import TerraformAnswers, automatic_names
from .provider_schema import ProviderSchema
from .translation import Translation

PROGRAM = Path(__file__).parents[2] / "infra" / "__main__.py"


def main() -> None:
    schema = ProviderSchema(Path(sys.argv[1]))
    answers, translation = TerraformAnswers(schema), Translation()
    _, made = run_program(
        lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
        answers,
        project="moorage",
        stack="conformance",
        preview=False,
    )
    resources: dict[str, dict[str, Any]] = defaultdict(dict)
    addresses = _addresses(made.registrations, schema, answers)
    for found in made.registrations:
        if found.type.startswith("aws:") and found.custom:
            _add(found, schema, answers, translation, resources)
            _order(found, addresses, resources)
    sys.stdout.write(json.dumps({"resources": resources, "unknown": translation.unknown}))


def _add(
    found: Registration,
    schema: ProviderSchema,
    answers: TerraformAnswers,
    translation: Translation,
    resources: dict[str, dict[str, Any]],
) -> None:
    resource_type = schema.resource_type(found.type)
    if resource_type is None:
        translation.unknown.append(found.type)
        return
    label, block, inputs = answers.labels[found.type, found.name], schema.block(resource_type), _revealed(found.inputs)
    named = {**automatic_names(found.name, inputs, block), **inputs}
    resources[resource_type][label] = translation.body(block, named, f"{resource_type}.{label}")


def _addresses(
    registrations: Iterable[Registration], schema: ProviderSchema, answers: TerraformAnswers
) -> dict[str, tuple[str, str]]:
    """By URN, what Terraform calls a resource: its type and its label."""
    known = [(found, schema.resource_type(found.type)) for found in registrations if found.type.startswith("aws:")]
    return {
        found.urn: (resource_type, answers.labels[found.type, found.name])
        for found, resource_type in known
        if resource_type is not None
    }


def _order(found: Registration, addresses: Mapping[str, tuple[str, str]], resources: dict[str, dict[str, Any]]) -> None:
    """Pulumi knows what comes before what, also where an input is a name that the program has given itself."""
    before = sorted(".".join(addresses[urn]) for urn in found.dependencies if urn in addresses)
    if before and found.urn in addresses:
        resource_type, label = addresses[found.urn]
        resources[resource_type][label]["depends_on"] = before


def _revealed(value: Any) -> Any:
    """With secrets as they are: nothing here leaves the test."""
    if isinstance(value, Secret):
        return _revealed(value.value)
    if isinstance(value, dict):
        return {key: _revealed(part) for key, part in value.items()}
    return [_revealed(part) for part in value] if isinstance(value, list) else value


main()
