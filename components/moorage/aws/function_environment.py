"""The variables of a function of AWS Lambda, which have room for 4 KB."""

import json
from collections.abc import Mapping, Sequence

from moorage.aws.lambda_quotas import MOST_ENVIRONMENT_BYTES
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Key


def compact_json(value: object) -> str:
    """Without a blank, always the same for the same value."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def hashes_document(keys: Sequence[Key]) -> str:
    """What the authorizer knows: of each key's id its hash."""
    return compact_json({key["id"]: key["sha256"] for key in keys})


def check_environment(variables: Mapping[str, str], key: str, way_out: str) -> None:
    """Raises `SpecError` for variables that Lambda has no room for.

    Args:
        variables: all of them; each as long as it will be.
        key: the argument that is to blame.
        way_out: what to do about it.
    """
    length = sum(len(text.encode()) for pair in variables.items() for text in pair)
    if length > MOST_ENVIRONMENT_BYTES:
        room = f"needs {length} bytes of a function's environment, which has {MOST_ENVIRONMENT_BYTES}"
        raise SpecError([Problem(key, f": {room}; {way_out}")])
