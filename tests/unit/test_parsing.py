"""Problems inside nested mappings, and those that no single key is to blame for, for any schema."""

from collections.abc import Sequence
from typing import Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from moorage.spec import SpecError, parse

STRICT = ConfigDict(extra="forbid", strict=True)


class Berth(BaseModel):
    model_config = STRICT

    metres: int = Field(gt=0)
    quay: int = Field(default=1, ge=1, le=9)


class Ship(BaseModel):
    model_config = STRICT

    metres: int
    berth: Berth | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.berth is not None and self.berth.metres < self.metres:
            raise ValueError("the ship is longer than its berth")
        return self


class Harbour(BaseModel):
    model_config = STRICT

    flagship: Ship | None = None
    pilots: list[str] | None = Field(default=None, min_length=1)
    shifts: list[Literal["day", "night"]] = Field(default=[])
    berths: Sequence[Berth] = ()
    call_sign: str | None = Field(default=None, pattern=r"^[A-Z]{4}$")


def report_of(schema: type[BaseModel], value: object, path: str = "") -> str:
    with pytest.raises(SpecError) as raised:
        parse(schema, value, path)
    return str(raised.value)


def test_a_key_two_levels_down_has_its_whole_path():
    value = {"flagship": {"metres": 5, "berth": {"metres": 0}}}
    assert report_of(Harbour, value) == "flagship.berth.metres = 0: must be an integer above 0"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"pilots": []}, "pilots = []: must be a list that is not empty, each a text that is not empty"),
        ({"pilots": ["Ada", 1]}, "pilots.1 = 1: must be a text that is not empty"),
        ({"shifts": "day"}, 'shifts = "day": must be a list, each one of day, night'),
        ({"shifts": ["noon"]}, 'shifts.0 = "noon": must be one of day, night'),
        ({"berths": [{"metres": 9}, {"metres": 0}]}, "berths.1.metres = 0: must be an integer above 0"),
        ({"berths": [{"metres": 9, "key": 2}]}, "berths.0.key: unknown key; must be one of metres, quay"),
        ({"berths": 1}, "berths = 1: must be a list, each a mapping with keys out of metres, quay"),
    ],
)
def test_a_list_says_what_it_is_a_list_of(value: dict[str, object], problem: str):
    assert report_of(Harbour, value) == problem


def test_a_text_of_another_form_is_told_the_form():
    assert report_of(Harbour, {"call_sign": "42"}) == 'call_sign = "42": must be a text like ^[A-Z]{4}$'


def test_both_limits_are_named():
    value = {"metres": 5, "berth": {"metres": 5, "quay": 10}}
    assert report_of(Ship, value, "ship") == "ship.berth.quay = 10: must be an integer of at least 1 and at most 9"


def test_an_unknown_key_is_compared_with_those_of_its_own_mapping():
    value = {"metres": 5, "berth": {"metres": 5, "key": 2}}
    assert report_of(Ship, value) == "berth.key: unknown key; must be one of metres, quay"


def test_a_key_that_is_missing_inside_is_described():
    assert report_of(Harbour, {"flagship": {"metres": 5, "berth": {}}}) == (
        "flagship.berth.metres: is missing; must be an integer above 0"
    )


def test_something_else_in_place_of_a_mapping_is_told_the_keys():
    assert report_of(Ship, {"metres": 5, "berth": 7}) == "berth = 7: must be a mapping with keys out of metres, quay"


def test_a_problem_between_keys_names_the_mapping_and_does_not_repeat_it():
    value = {"metres": 9, "berth": {"metres": 5}}
    assert report_of(Harbour, {"flagship": value}) == "flagship: the ship is longer than its berth"
    assert report_of(Ship, value, "ship") == "ship: the ship is longer than its berth"


def test_a_problem_of_the_whole_file_has_no_key():
    assert report_of(Ship, {"metres": 9, "berth": {"metres": 5}}) == "the ship is longer than its berth"
