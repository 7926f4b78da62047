"""What a component says of inputs that it cannot take, in the words of who has written them."""

import pulumi
import pytest
from pulumi.errors import InputPropertiesError

from moorage.plugin.provider import ComponentsProvider
from tests.contract.recording import run_program

WRITTEN: dict[str, object] = {"namespace": "harbour", "weightsGib": 10.0}


def refusal_of(inputs: dict[str, object]) -> dict[str, str]:
    """The reason, by the property's path."""

    def program() -> None:
        given = {key: value() if callable(value) else value for key, value in inputs.items()}
        ComponentsProvider("0.1.0").construct("cache", "moorage:index:ModelCache", given)

    with pytest.raises(InputPropertiesError) as refusal:
        run_program(program)
    return {found["property_path"]: found["reason"] for found in refusal.value.errors or ()}


def test_everything_that_is_missing_is_named():
    assert refusal_of({}) == {"namespace": "is missing", "weightsGib": "is missing"}


def test_a_value_that_cannot_be_served_says_what_could():
    assert refusal_of({**WRITTEN, "weightsGib": 0.0}) == {"weightsGib": "= 0.0: must be a number above 0"}


def test_another_resources_output_in_place_of_a_plain_value_is_refused():
    refused = refusal_of({**WRITTEN, "weightsGib": lambda: pulumi.Output.from_input(10.0)})
    assert refused["weightsGib"].startswith("must be written out")


def test_what_can_be_served_is_made():
    _, recording = run_program(
        lambda: ComponentsProvider("0.1.0").construct("cache", "moorage:index:ModelCache", WRITTEN)
    )
    assert recording.registrations[0].type == "moorage:index:ModelCache"
