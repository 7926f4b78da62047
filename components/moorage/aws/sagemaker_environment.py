"""vLLM's arguments as its container for SageMaker takes them: pure.

github.com/aws/deep-learning-containers, docs/vllm (read at e0ecede, 2026-08-21): `SM_VLLM_<FLAG>` becomes `--<flag>`
with its value; `true` becomes the flag alone, `false` none, and an array of JSON several values.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

PREFIX = "SM_VLLM_"
MODEL_FOLDER = "/opt/ml/model"
"""Where SageMaker puts the weights. The container would look there by itself without `SM_VLLM_MODEL`, and then for
`HF_MODEL_ID`; told, it looks nowhere else (github.com/aws/deep-learning-containers,
scripts/docker/vllm/sagemaker_args.py, `resolve_model`, at 19aa475, read 2026-11-25)."""
UNSUPERVISED = {"PROCESS_AUTO_RECOVERY": "false"}
"""vLLM gets the container's SIGTERM itself. The entry point starts it under `standard-supervisor`, which else waits
five seconds for it and then ends, and the container with it (PyPI's model-hosting-container-standards 0.1.16,
supervisor/scripts/standard_supervisor.py; github.com/aws/deep-learning-containers, e0ecede,
scripts/docker/vllm/sagemaker_entrypoint.sh; read 2026-11-26). An engine that dies ends its container, and is no longer
started anew in it: SageMaker sees to that by `/ping`."""
_DECIDED_BY_THE_CONTAINER = frozenset({"--host", "--port"})
# botocore 1.43.117, sagemaker: EnvironmentMap, EnvironmentValue.
_LONGEST_VALUE = 1024


def sagemaker_environment(arguments: Sequence[str]) -> Mapping[str, str]:
    """The variables for these arguments of vLLM.

    Raises:
        ValueError: a value is longer than SageMaker takes.
    """
    found = {
        PREFIX + flag.removeprefix("--").replace("-", "_").upper(): value
        for flag, value in _pairs(arguments)
        if flag not in _DECIDED_BY_THE_CONTAINER
    }
    for name, value in found.items():
        if len(value) > _LONGEST_VALUE:
            raise ValueError(f"{name} has {len(value)} characters, of which SageMaker takes {_LONGEST_VALUE}")
    return found


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    starts = [index for index, argument in enumerate(arguments) if argument.startswith("--")]
    for start, end in pairwise([*starts, len(arguments)]):
        yield arguments[start], _value(arguments[start + 1 : end])


def _value(values: Sequence[str]) -> str:
    match values:
        case []:
            return "true"
        case [value]:
            return value
        case _:
            return json.dumps(list(values))
