"""What the entry point of AWS's container makes of its environment, as its documentation says."""

import json
from collections.abc import Mapping

from moorage.aws.sagemaker_environment import PREFIX


def arguments_of(environment: Mapping[str, str]) -> list[str]:
    """What the container starts vLLM with: the way back, as its entry point goes it."""
    arguments: list[str] = []
    for name, value in environment.items():
        if name.startswith(PREFIX):
            flag = f"--{name.removeprefix(PREFIX).lower().replace('_', '-')}"
            arguments += [] if value == "false" else [flag, *_values(value)]
    return arguments


def _values(value: str) -> list[str]:
    if value == "true":
        return []
    return json.loads(value) if value.startswith("[") else [value]
