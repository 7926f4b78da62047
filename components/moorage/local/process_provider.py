"""Creates, changes, checks and removes the processes of a local stack for Pulumi's engine."""

import time
from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from moorage.local.definition import ProcessDefinition, Readiness
from moorage.local.instance import Instance
from moorage.local.progress import report
from moorage.local.provider_errors import without_traceback

_REPLACED_ON_CHANGE = (
    *("stack_directory", "program", "command", "environment", "host", "requested_port", "version"),
    *("start_seconds", "stop_seconds", "on_demand"),
)
_UPDATED_ON_CHANGE = ("files", "readiness", "reload_signal", "allow_downtime", "pre_stop_seconds")


class ProcessInputs(TypedDict):
    """What `LocalProcess` sends to the provider; its docstring says what each is."""

    stack_directory: str
    program: str
    command: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    readiness: Readiness
    stop_seconds: float
    pre_stop_seconds: NotRequired[float]
    """0 where it is left out, as in states from before it was there."""
    reload_signal: NotRequired[str]
    host: NotRequired[str]
    requested_port: NotRequired[float]
    version: str
    start_seconds: int
    required_memory_gib: float
    allow_downtime: bool
    on_demand: bool


class ProcessOutputs(ProcessInputs):
    """The inputs, and what is known of the instance."""

    address: str
    port: int
    instance: str
    log_file: str
    definition_sha256: str


class ProcessProvider(ResourceProvider):
    """The resource's life in five calls; `Instance` does the work."""

    serialize_as_secret_always = False

    @without_traceback
    def create(self, props: Mapping[str, object]) -> CreateResult:
        inputs = cast("ProcessInputs", props)
        instance = Instance.new(inputs["stack_directory"], inputs["program"])
        definition = _definition(inputs)
        address = instance.start(
            definition,
            files=inputs["files"],
            requested_port=int(inputs["requested_port"]) if "requested_port" in inputs else None,
            readiness=inputs["readiness"],
            stop_seconds=inputs["stop_seconds"],
            required_memory_gib=inputs["required_memory_gib"],
            report=report,
        )
        outputs = ProcessOutputs(
            **inputs,
            address=str(address),
            port=address.port or 0,
            instance=instance.name,
            log_file=str(instance.layout.log_file),
            definition_sha256=definition.sha256(),
        )
        return CreateResult(instance.name, dict(outputs))

    def diff(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> DiffResult:
        replaced = [key for key in _REPLACED_ON_CHANGE if _olds.get(key) != _news.get(key)]
        if _olds.get("files") != _news.get("files") and not _news.get("reload_signal"):
            replaced.append("files")
        inputs = cast("ProcessInputs", _news)
        if not replaced and _olds["definition_sha256"] != _definition(inputs).sha256():
            replaced.append("version")
        changed = replaced or any(_olds.get(key) != _news.get(key) for key in _UPDATED_ON_CHANGE)
        return DiffResult(
            changes=bool(changed), replaces=replaced, delete_before_replace=bool(_news.get("allow_downtime"))
        )

    @without_traceback
    def update(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> UpdateResult:
        olds, news = cast("ProcessOutputs", _olds), cast("ProcessInputs", _news)
        instance = Instance.existing(olds["stack_directory"], _id)
        if olds["files"] != news["files"] and "reload_signal" in news:
            instance.reload(news["files"], news["reload_signal"], news["readiness"])
        unchanged = {key: _olds[key] for key in ("address", "port", "instance", "log_file", "definition_sha256")}
        return UpdateResult({**news, **unchanged})

    def read(self, id_: str, props: Mapping[str, object]) -> ReadResult:
        """A process that is down or unknown to the supervisor is reported as gone, so that the next `up` starts it.

        One that is started on demand may be down.
        """
        outputs = cast("ProcessOutputs", props)
        instance = Instance.existing(outputs["stack_directory"], id_)
        if not instance.is_in_order():
            return ReadResult(None, {})
        return ReadResult(
            id_,
            {**outputs, "definition_sha256": instance.definition_sha256(), "files": instance.files()},
        )

    @without_traceback
    def delete(self, _id: str, _props: Mapping[str, object]) -> None:
        outputs = cast("ProcessOutputs", _props)
        pre_stop_seconds = outputs.get("pre_stop_seconds", 0)
        report(f"{outputs['program']}: draining, {pre_stop_seconds + outputs['stop_seconds']:.0f} s at most")
        time.sleep(pre_stop_seconds)
        Instance.existing(outputs["stack_directory"], _id).remove()


def _definition(inputs: ProcessInputs) -> ProcessDefinition:
    return ProcessDefinition(
        program=inputs["program"],
        command=tuple(inputs["command"]),
        environment=inputs["environment"],
        host=inputs.get("host"),
        version=inputs["version"],
        start_seconds=int(inputs["start_seconds"]),
        on_demand=inputs["on_demand"],
        required_memory_gib=inputs["required_memory_gib"] if inputs["on_demand"] else 0.0,
    )
