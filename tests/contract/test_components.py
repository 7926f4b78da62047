"""What holds for every component, found by introspection so that a new one cannot be forgotten."""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, NotRequired, get_args, get_origin

import pulumi
import pytest

from .examples import EXAMPLES, component, own_subclasses
from .recording import Recording, Secret, run_program, value_of

COMPONENTS: list[Any] = own_subclasses(pulumi.ComponentResource)
every_component = pytest.mark.parametrize("kind", COMPONENTS, ids=lambda kind: kind.__name__)

NAME = "harbour"
MARK = "not-for-anybody"


def children(recording: Recording) -> list[tuple[str, str]]:
    return sorted((child.type, child.name) for child in recording.registrations)


def arguments_type(kind: type) -> type:
    return inspect.signature(kind).parameters["args"].annotation


def test_every_component_has_an_example():
    assert set(EXAMPLES) == set(COMPONENTS)


@every_component
def test_the_example_has_every_argument(kind: type):
    assert set(EXAMPLES[kind]) == set(inspect.get_annotations(arguments_type(kind)))


@every_component
def test_it_takes_a_name_its_arguments_and_options(kind: type):
    parameters = inspect.signature(kind).parameters
    assert list(parameters) == ["name", "args", "opts"]
    assert arguments_type(kind).__name__ == f"{kind.__name__}Args"
    assert parameters["opts"].default is None


@every_component
def test_its_type_names_the_package_and_the_class(kind: type):
    _, recording = run_program(component(kind, NAME))
    assert [found.type for found in recording.registrations if found.name == NAME] == [f"moorage:index:{kind.__name__}"]


@every_component
def test_every_child_is_below_it_and_has_its_name_first(kind: type):
    _, recording = run_program(component(kind, NAME))
    parent, *below = recording.registrations
    known = {parent.urn}
    assert below
    for child in below:
        assert child.parent in known
        assert child.name.startswith(f"{NAME}-")
        known.add(child.urn)


@every_component
def test_two_of_it_share_no_name(kind: type):
    def program() -> None:
        component(kind, "east")()
        component(kind, "west")()

    _, recording = run_program(program)
    urns = [registration.urn for registration in recording.registrations]
    assert len(set(urns)) == len(urns)


@every_component
def test_names_do_not_change_from_run_to_run(kind: type):
    assert children(run_program(component(kind, NAME))[1]) == children(run_program(component(kind, NAME))[1])


@every_component
def test_a_preview_shows_what_an_update_makes(kind: type):
    update, preview = (run_program(component(kind, NAME), preview=preview)[1] for preview in (False, True))
    assert children(preview) == children(update)


@every_component
def test_its_annotations_are_its_outputs(kind: type):
    made, recording = run_program(component(kind, NAME))
    declared = set(inspect.get_annotations(kind))
    # The SDK makes an attribute of each input as well.
    inherited, _ = run_program(
        lambda: pulumi.ComponentResource("moorage:index:Bare", NAME, dict.fromkeys(EXAMPLES[kind], ""))
    )
    assert declared == {name for name in vars(made) if not name.startswith("_")} - set(vars(inherited))
    assert recording.outputs[recording.registrations[0].urn] == {
        name: value_of(getattr(made, name)) for name in declared
    }


@every_component
def test_every_output_is_known_after_an_update(kind: type):
    _, recording = run_program(component(kind, NAME))
    outputs = recording.outputs[recording.registrations[0].urn]
    assert outputs
    assert None not in outputs.values()


@every_component
def test_its_inputs_are_recorded(kind: type):
    _, recording = run_program(component(kind, NAME))
    assert set(recording.registrations[0].inputs) == set(EXAMPLES[kind])


@every_component
def test_a_secret_input_stays_a_secret(kind: type):
    possible = _possible_outputs(kind)
    _, recording = run_program(lambda: component(kind, NAME, **_as_secrets(kind, possible))())
    assert (MARK in shown(recording, lambda secret: secret.value)) == bool(possible)
    assert MARK not in shown(recording, lambda _: "[secret]")


@every_component
def test_it_registers_its_outputs_last(kind: type):
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(kind.__init__))).body
    assert isinstance(function, ast.FunctionDef)
    assert ast.unparse(function.body[-1]).startswith("self.register_outputs(")


def test_public_type_names_are_unique():
    names = [found.__name__ for found in own_subclasses(pulumi.Resource)]
    assert sorted(set(names)) == names


def shown(recording: Recording, show: Callable[[Secret], object]) -> str:
    """All that was registered, with secrets as `show` has them."""
    inputs = [registration.inputs for registration in recording.registrations]
    return json.dumps([inputs, recording.outputs], default=show)


def _possible_outputs(kind: type) -> dict[str, object]:
    """The example's arguments that may come from other resources."""
    hints = inspect.get_annotations(arguments_type(kind))
    return {key: EXAMPLES[kind][key] for key, hint in hints.items() if "Output" in str(hint)}


def _as_secrets(kind: type, arguments: dict[str, object]) -> dict[str, object]:
    """Each as a whole; of a list, or of a mapping that itself has to be known, each part."""
    hints = inspect.get_annotations(arguments_type(kind))
    return {key: _as_secret(value, _is_mapping(hints[key])) for key, value in arguments.items()}


def _as_secret(value: object, known_keys: bool) -> object:
    if isinstance(value, list):
        return [pulumi.Output.secret(_marked(part)) for part in value]
    if known_keys and isinstance(value, dict):
        return {key: pulumi.Output.secret(_marked(part)) for key, part in value.items()}
    return pulumi.Output.secret(_marked(value))


def _is_mapping(hint: object) -> bool:
    (inner,) = get_args(hint) if get_origin(hint) is NotRequired else (hint,)
    return get_origin(inner) is Mapping


def _marked(value: object) -> object:
    if isinstance(value, dict):
        return {key: _marked(part) for key, part in value.items()}
    return f"{value}{MARK}" if isinstance(value, str) else value
