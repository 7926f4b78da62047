"""Names and numbers on their way between another language and a component."""

from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.analyzer import ComponentDefinition

from moorage.plugin.analysis import PackageAnalyzer
from moorage.plugin.values import Types, python_properties, schema_path, schema_value, waiting
from tests.contract.recording import run_program, value_of


class Berth(TypedDict):
    """One place."""

    max_length: int
    has_water: NotRequired[bool]


class HarbourArgs(TypedDict):
    """All kinds of arguments."""

    wide_berth: pulumi.Input[Berth]
    free_berths: list[pulumi.Input[Berth]]
    berths_by_name: Mapping[str, Berth]
    node_labels: Mapping[str, str]
    pier_count: NotRequired[int]


class Harbour(pulumi.ComponentResource):
    """Takes and gives."""

    wide_berth: pulumi.Output[Berth]
    free_berths: pulumi.Output[list[Berth]]
    berths_by_name: pulumi.Output[Mapping[str, Berth]]

    def __init__(self, name: str, args: HarbourArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tests:index:Harbour", name, dict(args), opts)


def analyzed() -> tuple[ComponentDefinition, Types]:
    found = PackageAnalyzer().analyze([Harbour])
    return found["component_definitions"]["Harbour"], found["type_definitions"]


HARBOUR, TYPES = analyzed()
BERTH, PYTHON_BERTH = {"maxLength": 40.0, "hasWater": True}, {"max_length": 40, "has_water": True}


def python_of(given: Mapping[str, object]) -> dict[str, object]:
    return python_properties(given, HARBOUR.inputs, HARBOUR.inputs_mapping, TYPES)


def path_of(key: str) -> str:
    return schema_path(key, HARBOUR.inputs, HARBOUR.inputs_mapping, TYPES)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"wideBerth": BERTH}, {"wide_berth": PYTHON_BERTH}),
        ({"freeBerths": [BERTH, BERTH]}, {"free_berths": [PYTHON_BERTH, PYTHON_BERTH]}),
        ({"berthsByName": {"quay_side": BERTH}}, {"berths_by_name": {"quay_side": PYTHON_BERTH}}),
        ({"nodeLabels": {"moorage.dev/gpuPool": "l4"}}, {"node_labels": {"moorage.dev/gpuPool": "l4"}}),
        ({"pierCount": 3.0}, {"pier_count": 3}),
        ({"pierCount": None}, {}),
        ({"pierCount": 3.5}, {"pier_count": 3.5}),
        ({"wideBerth": {"maxLenght": 1}}, {"wide_berth": {"maxLenght": 1}}),
    ],
)
def test_each_name_becomes_pythons_and_each_key_of_a_map_stays(given: dict[str, object], expected: object):
    assert python_of(given) == expected


def test_a_whole_number_becomes_an_integer():
    assert isinstance(python_of({"pierCount": 3.0})["pier_count"], int)


@pytest.mark.parametrize(
    ("wrap", "within"),
    [
        (lambda: {"wideBerth": pulumi.Output.from_input(BERTH)}, lambda found: found["wide_berth"]),
        (lambda: {"freeBerths": [pulumi.Output.from_input(BERTH)]}, lambda found: found["free_berths"][0]),
    ],
    ids=["whole", "in a list"],
)
def test_what_another_resource_gives_is_translated_as_well(
    wrap: Callable[[], dict[str, object]], within: Callable[[object], object]
):
    given, _ = run_program(lambda: within(python_of(wrap())))
    assert value_of(given) == PYTHON_BERTH


@pytest.mark.parametrize(
    ("wrap", "paths"),
    [
        (lambda given: {"pierCount": given}, ["pierCount"]),
        (lambda given: {"berthsByName": {"quay_side": {"maxLength": given}}}, ["berthsByName.quay_side.maxLength"]),
        (lambda given: {"wideBerth": given}, []),
        (lambda given: {"freeBerths": [given]}, []),
        (lambda given: {"freeBerths": given}, ["freeBerths"]),
        (lambda _: {"pierCount": 1, "nodeLabels": {"pool": "l4"}}, []),
    ],
)
def test_an_output_in_place_of_a_plain_value_is_found(wrap: Callable[[object], dict[str, object]], paths: list[str]):
    def program() -> list[str]:
        given = wrap(pulumi.Output.from_input("known"))
        return [path for key, value in given.items() for path in waiting(value, HARBOUR.inputs[key], TYPES, key)]

    assert run_program(program)[0] == paths


berths = st.fixed_dictionaries({"max_length": st.integers(0, 9)}, optional={"has_water": st.booleans()})
outputs = st.fixed_dictionaries(
    {
        "wide_berth": berths,
        "free_berths": st.lists(berths, max_size=3),
        "berths_by_name": st.dictionaries(st.text(max_size=3), berths, max_size=3),
    }
)


@given(outputs)
def test_what_a_component_gives_is_what_another_one_takes(given: dict[str, object]):
    names = {python: name for name, python in HARBOUR.outputs_mapping.items()}
    shown = {names[key]: schema_value(value, HARBOUR.outputs[names[key]], TYPES) for key, value in given.items()}
    assert python_of(shown) == given


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("pier_count", "pierCount"),
        ("wide_berth.max_length", "wideBerth.maxLength"),
        ("free_berths.1.max_length", "freeBerths[1].maxLength"),
        ("free_berths.1", "freeBerths[1]"),
        ("node_labels.gpu_pool", "nodeLabels.gpu_pool"),
        ("", ""),
    ],
)
def test_a_problem_names_the_key_that_the_user_has_written(key: str, shown: str):
    assert path_of(key) == shown
