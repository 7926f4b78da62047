"""Numbers as a configuration delivers them."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo


def _whole(value: object) -> object:
    """Pulumi hands every number over as a double (github.com/pulumi/pulumi, sdk/python property marshalling)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""An integer; 3.0 is one, "3" and true are not."""


def not_below(least_name: str) -> Callable[[int | None, ValidationInfo], int | None]:
    """For `field_validator`: the number must not be below that of a field which is declared before it."""

    def checked(most: int | None, info: ValidationInfo) -> int | None:
        least: int | None = info.data.get(least_name)
        if most is not None and least is not None and most < least:
            raise ValueError(f"must be at least {least_name} = {least}")
        return most

    return checked
