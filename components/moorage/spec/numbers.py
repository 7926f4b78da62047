"""Numbers as a configuration delivers them."""

from typing import Annotated

from pydantic import BeforeValidator


def _whole(value: object) -> object:
    """Pulumi hands every number over as a double (github.com/pulumi/pulumi, sdk/python property marshalling)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""An integer; 3.0 is one, "3" and true are not."""
