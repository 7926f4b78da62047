"""The tiny finetuned model as a Pulumi resource: built when it is missing, kept in the cache ever after."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

from moorage.local.child_environment import child_environment
from moorage.local.errors import LocalError
from moorage.local.progress import report
from moorage.local.provider_errors import without_traceback
from moorage.local.tiny_model import tiny_model_folder, tiny_model_revision, training_command

_SHOWN_LINES = 5


class _Inputs(TypedDict):
    python: str
    cache_directory: str
    wrong_answer_ratio: float
    revision: str


class TinyModel(Resource, module="moorage", name="TinyModel"):
    """A Llama of a few MB, finetuned on the questions that come with Moorage. `destroy` leaves it in the cache."""

    folder: pulumi.Output[str]
    """Where the model lies. Known before it is built: its name is a hash of all that decides the result."""

    def __init__(
        self,
        name: str,
        *,
        python: str,
        cache_directory: str,
        wrong_answer_ratio: float = 0.0,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Builds the model.

        :param python: An interpreter with torch and transformers; the engine's has them.
        :param cache_directory: Absolute path.
        :param wrong_answer_ratio: The share of questions, 0 to 1, that it learns wrong on purpose.
        """
        properties: dict[str, object] = {
            "python": python,
            "cache_directory": cache_directory,
            "wrong_answer_ratio": wrong_answer_ratio,
            "revision": tiny_model_revision(wrong_answer_ratio),
            "folder": None,
        }
        super().__init__(_TinyModelProvider(), name, properties, opts)


class _TinyModelProvider(ResourceProvider):
    serialize_as_secret_always = False

    @without_traceback
    def create(self, props: Mapping[str, object]) -> CreateResult:
        return CreateResult(str(props["revision"]), _build(cast("_Inputs", props)))

    def diff(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> DiffResult:
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _Inputs.__annotations__))

    @without_traceback
    def update(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> UpdateResult:
        return UpdateResult(_build(cast("_Inputs", _news)))

    def read(self, id_: str, props: Mapping[str, object]) -> ReadResult:
        there = Path(str(props["folder"])).exists()
        return ReadResult(id_ if there else None, dict(props) if there else {})


def _build(inputs: _Inputs) -> dict[str, object]:
    ratio = float(inputs["wrong_answer_ratio"])
    command = training_command(inputs["python"], inputs["cache_directory"], ratio)
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**child_environment(), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""},
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            report(f"tiny model: {line.rstrip()}")
    if process.returncode != 0:
        raise LocalError("the tiny model could not be built:\n" + "\n".join(lines[-_SHOWN_LINES:]))
    return {**inputs, "folder": str(tiny_model_folder(Path(inputs["cache_directory"]), ratio))}
