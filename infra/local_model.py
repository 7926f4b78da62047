"""What a local stack serves: the configured model, or the tiny one."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pulumi

from moorage.local.machine import LocalMachine
from moorage.local.model_folder import inspect_model_folder
from moorage.local.model_revision import model_folder_revision
from moorage.local.sources import check_sources
from moorage.local.tiny_model import read_questions, tiny_model_facts, tiny_model_folder, tiny_model_revision
from moorage.local.tiny_model_resource import TinyModel
from moorage.spec import FolderSource, HubSource, ModelFacts, ModelSpec
from moorage.spec.arguments import ModelArgs
from settings import Settings

TINY_MODEL_NAME = "tiny-model"


@dataclass(frozen=True)
class Model:
    """What is served, and what it has to wait for."""

    args: ModelArgs
    served_name: str
    revision: str
    facts: ModelFacts | None
    question: str
    depends_on: list[pulumi.Resource]


def served_model(settings: Settings, engine_python: Path, machine: LocalMachine) -> Model:
    """Raises `LocalError` for a folder that cannot be served, `SpecError` for a source that is not this machine's."""
    return _configured_model(settings) or _tiny_model(settings, engine_python, machine)


def _configured_model(settings: Settings) -> Model | None:
    spec = settings.configuration.model
    if spec is None:
        return None
    check_sources(spec)
    args = _with_absolute_paths(cast("ModelArgs", settings.given["model"]), spec, settings.root)
    question = "Hello, who are you?"
    if isinstance(spec.source, HubSource):
        return Model(args, spec.served_name, spec.hub_revision or "main", None, question, [])
    folder = Path(args["source"])
    facts = inspect_model_folder(folder)
    return Model(args, spec.served_name, model_folder_revision(folder), facts, question, [])


def _with_absolute_paths(given: ModelArgs, spec: ModelSpec, root: Path) -> ModelArgs:
    """A relative path in a stack's file is relative to the checkout."""

    def absolute(path: str) -> str:
        return str((root / Path(path).expanduser()).resolve())

    args: ModelArgs = {**given}
    if isinstance(spec.source, FolderSource):
        args["source"] = absolute(spec.source.path)
    if spec.chat_template is not None:
        args["chat_template"] = absolute(spec.chat_template)
    folders = {name: source.path for name, source in spec.lora_adapters.items() if isinstance(source, FolderSource)}
    if folders:
        args["lora_adapters"] = {
            **given.get("lora_adapters", {}),
            **{name: absolute(path) for name, path in folders.items()},
        }
    return args


def _tiny_model(settings: Settings, engine_python: Path, machine: LocalMachine) -> Model:
    ratio = settings.configuration.tiny_model.wrong_answer_ratio
    built = TinyModel(
        "tiny-model",
        python=str(engine_python),
        cache_directory=str(settings.cache_directory),
        wrong_answer_ratio=ratio,
        opts=pulumi.ResourceOptions(depends_on=[machine]),
    )
    folder = tiny_model_folder(settings.cache_directory, ratio)
    return Model(
        args={"source": str(folder), "served_name": TINY_MODEL_NAME},
        served_name=TINY_MODEL_NAME,
        revision=tiny_model_revision(ratio),
        facts=tiny_model_facts(),
        question=read_questions()[0].question,
        depends_on=[built],
    )
