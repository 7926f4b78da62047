"""Runs a Pulumi program without an engine, and keeps every request that it would have sent to one."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from google.protobuf.json_format import MessageToDict
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import reset_options
from pulumi.runtime.stack import run_pulumi_func

ResultT = TypeVar("ResultT")

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Marks secrets and other values that JSON has no words for (pulumi/sdk, resource.SigKey)."""
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark itself


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts and never shows."""

    value: "Value"


Value: TypeAlias = "dict[str, Value] | list[Value] | str | float | bool | Secret | None"
"""What a program hands to the engine; numbers are floats, as protobuf has them."""


@dataclass(frozen=True)
class Registration:
    """One resource as the engine is told about it. A secret in `inputs` or `outputs` is a `Secret`."""

    type: str
    name: str
    urn: str
    parent: str
    custom: bool
    """Whether a provider makes it; a component is only a name for its children."""
    inputs: "dict[str, Value]"
    input_dependencies: Mapping[str, tuple[str, ...]]
    """By input: the URNs of the resources whose outputs went into it."""
    dependencies: frozenset[str]
    """URNs of what is made before it and deleted after it: named, or behind one of its inputs. Its provider too."""
    protect: bool
    replace_on_changes: tuple[str, ...]
    """Paths of inputs whose change has it made anew, though its provider would change it in place."""
    timeouts: Mapping[str, str]
    """By `create`, `update` and `delete`: after how long it has failed, where that is not as its provider has it."""


class Recording(MockMonitor):
    """What one run of a program has registered."""

    def __init__(self, provider: Mocks) -> None:
        super().__init__(provider)
        self.registrations: list[Registration] = []
        self.outputs: dict[str, dict[str, Value]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with _own_event_loop():
            response: Any = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if request.type != "pulumi:pulumi:Stack":
            self.registrations.append(_registration(request, response.urn))
        # The engine does this; the SDK's mock monitor does not.
        for name in request.additionalSecretOutputs:
            if name in response.object.fields:
                value = MessageToDict(response.object.fields[name])
                response.object[name] = {SIGNATURE: _SECRET, "value": value}
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn in self.outputs:
            raise AssertionError(f"{request.urn} registers its outputs twice")
        self.outputs[request.urn] = _all_marked(request.outputs)
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType]

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        with _own_event_loop():
            return super().Invoke(request)  # pyright: ignore[reportUnknownMemberType]

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        with _own_event_loop():
            return super().ReadResource(request)  # pyright: ignore[reportUnknownMemberType]

    def of_type(self, suffix: str) -> list[Registration]:
        return [registration for registration in self.registrations if registration.type.endswith(f":{suffix}")]

    def the(self, suffix: str) -> Registration:
        """The one resource of this type."""
        (registration,) = self.of_type(suffix)
        return registration


def run_program(
    program: Callable[[], ResultT], provider: Mocks, *, project: str, stack: str, preview: bool
) -> tuple[ResultT, Recording]:
    """What `program` returned, and what it registered, after all of its work is done.

    `provider` answers for all providers. In a preview, outputs that it leaves out are unknown.
    """
    recording = Recording(provider)
    results: list[ResultT] = []
    # Unlike the SDK, the runner ends what a program that fails has left behind.
    with asyncio.Runner() as runner:
        runner.get_loop()  # the SDK's mocks look for the thread's event loop
        try:
            set_mocks(provider, project, stack, preview, monitor=recording)
            runner.run(run_pulumi_func(lambda: results.append(program())), context=copy_context())
        finally:
            reset_options()
    return results[0], recording


@contextmanager
def _own_event_loop() -> Generator[None]:
    """The mock monitor makes one in each of the executor's threads and closes none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _registration(request: Any, urn: str) -> Registration:
    return Registration(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        custom=request.custom,
        inputs=_all_marked(request.object),
        input_dependencies={name: tuple(by.urns) for name, by in request.propertyDependencies.items()},
        dependencies=_dependencies(request),
        protect=request.protect,
        replace_on_changes=tuple(request.replaceOnChanges),
        timeouts={field.name: value for field, value in request.customTimeouts.ListFields()},
    )


def _dependencies(request: Any) -> frozenset[str]:
    behind_inputs = {urn for by in request.propertyDependencies.values() for urn in by.urns}
    provider, _, _ = request.provider.rpartition("::")
    return frozenset({*request.dependencies, *behind_inputs, *filter(None, [provider])})


def _all_marked(properties: Any) -> "dict[str, Value]":
    return {name: _marked(value) for name, value in MessageToDict(properties).items()}


def _marked(value: Value) -> Value:
    """With a `Secret` for each value that the SDK has wrapped as one."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == _SECRET:
            return Secret(_marked(value["value"]))
        return {key: _marked(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_marked(part) for part in value]
    return value
