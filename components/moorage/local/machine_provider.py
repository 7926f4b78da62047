"""Checks this machine for Pulumi's engine, and makes and removes a local stack's directories."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from moorage.local import preflight
from moorage.local.layout import StackLayout
from moorage.local.process_group import end_recorded_group
from moorage.local.provider_errors import without_traceback
from moorage.local.supervisor import Supervisor


class MachineInputs(TypedDict):
    """What `LocalMachine` sends to the provider; its docstring says what each is."""

    directory: str
    required_disk_gib: float
    host: str
    port: NotRequired[float]


class MachineProvider(ResourceProvider):
    """The resource's life in five calls."""

    serialize_as_secret_always = False

    @without_traceback
    def create(self, props: Mapping[str, object]) -> CreateResult:
        inputs = cast("MachineInputs", props)
        layout = StackLayout(Path(inputs["directory"]))
        _require_port(inputs)
        preflight.require_free_disk(layout.directory, inputs["required_disk_gib"])
        layout.create()
        return CreateResult(str(layout.directory), _outputs(inputs))

    def diff(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> DiffResult:
        replaced = ["directory"] if _olds["directory"] != _news["directory"] else []
        changed = any(_olds.get(key) != _news.get(key) for key in MachineInputs.__annotations__)
        return DiffResult(changes=changed, replaces=replaced)

    @without_traceback
    def update(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> UpdateResult:
        olds, news = cast("MachineInputs", _olds), cast("MachineInputs", _news)
        if (olds["host"], olds.get("port")) != (news["host"], news.get("port")):
            _require_port(news)
        preflight.require_free_disk(Path(news["directory"]), news["required_disk_gib"])
        return UpdateResult(_outputs(news))

    def read(self, id_: str, props: Mapping[str, object]) -> ReadResult:
        layout = StackLayout(Path(id_))
        there = layout.log_directory.exists() and layout.runtime_directory.exists()
        return ReadResult(id_ if there else None, dict(props) if there else {})

    @without_traceback
    def delete(self, _id: str, _props: Mapping[str, object]) -> None:
        layout = StackLayout(Path(_id))
        if layout.runtime_directory.exists():
            Supervisor(layout).shut_down()
        for definition in layout.program_directory.glob("*.ini"):
            end_recorded_group(layout.instance(definition.stem).group_file)
        for directory in (layout.directory, layout.runtime_directory):
            shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            layout.directory.parent.rmdir()


def _require_port(inputs: MachineInputs) -> None:
    if "port" in inputs:
        preflight.require_free_port(inputs["host"], int(inputs["port"]))


def _outputs(inputs: MachineInputs) -> dict[str, object]:
    layout = StackLayout(Path(inputs["directory"]))
    return {**inputs, "stack_directory": str(layout.directory), "log_directory": str(layout.log_directory)}
