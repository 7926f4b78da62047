"""Runs a Pulumi program without an engine, and keeps every request that it would have sent to one."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs
from pulumi.runtime.settings import reset_options
from pulumi.runtime.stack import run_pulumi_func

from .aws_answers import AWS_ANSWERS
from .gcp_answers import GCP_ANSWERS

ResultT = TypeVar("ResultT")

PROJECT, STACK = "moorage", "contract"
_DYNAMIC = "pulumi-python:dynamic/moorage:"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


def _process_outputs(name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    host, port = inputs.get("host"), int(inputs.get("requested_port", 8000))
    return {
        "address": f"http://{host}:{port}" if host else f"unix:///run/{name}.sock",
        "port": port if host else 0,
        "instance": f"{name}-abc123",
        "log_file": f"/stack/logs/{name}.log",
    }


def _service_outputs(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    ingress = [{"hostname": "balancer.example.com"}] if inputs["spec"].get("type") == "LoadBalancer" else []
    return {"status": {"loadBalancer": {"ingress": ingress}}}


OUTPUTS: Mapping[str, Callable[[str, Mapping[str, Any]], dict[str, object]]] = {
    f"{_DYNAMIC}ApiKey": lambda name, _: {"key": f"moorage-{name}-plaintext"},
    f"{_DYNAMIC}LocalProcess": _process_outputs,
    f"{_DYNAMIC}Password": lambda name, _: {"password": f"{name}-plaintext"},
    f"{_DYNAMIC}ServerCertificate": lambda name, _: {
        part: f"{name}-{part}" for part in ("ca_certificate", "certificate", "private_key")
    },
    "kubernetes:core/v1:Service": _service_outputs,
    **AWS_ANSWERS,
    **GCP_ANSWERS,
}
"""What the real providers would answer, by type, from the resource's name and inputs."""


@dataclass(frozen=True)
class Registration:
    """One resource as the engine is told about it. A secret in `inputs` or `outputs` is a `Secret`."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    """URNs of what is made before it and deleted after it: named, or behind one of its inputs. Its provider too."""
    protect: bool


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts and never shows."""

    value: object


class _Provider(Mocks):
    """Answers as a provider does: nothing new in a preview, the outputs after a creation."""

    def __init__(self, *, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, object]]:
        answer = None if self._preview else OUTPUTS.get(args.typ)
        return f"{args.name}-id", {**args.inputs, **(answer(args.name, args.inputs) if answer else {})}

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], None]:
        raise AssertionError(f"{args.token}: components call no provider functions")


class Recording(MockMonitor):
    """What one run of a program has registered."""

    def __init__(self, *, preview: bool) -> None:
        super().__init__(_Provider(preview=preview))
        self.registrations: list[Registration] = []
        self.outputs: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with _own_event_loop():
            response = super().RegisterResource(request)
        inputs = _plain(MessageToDict(request.object))
        if request.type != "pulumi:pulumi:Stack":
            self.registrations.append(
                Registration(
                    request.type,
                    request.name,
                    response.urn,
                    request.parent,
                    inputs,
                    dependencies=_dependencies(request),
                    protect=request.protect,
                )
            )
        # The engine does this; the SDK's mock monitor does not.
        for name in request.additionalSecretOutputs:
            if name in response.object.fields:
                value = MessageToDict(response.object.fields[name])
                response.object[name] = {_SIGNATURE: _SECRET, "value": value}
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn in self.outputs:
            raise AssertionError(f"{request.urn} registers its outputs twice")
        self.outputs[request.urn] = _plain(MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)

    def of_type(self, suffix: str) -> list[Registration]:
        return [registration for registration in self.registrations if registration.type.endswith(f":{suffix}")]

    def the(self, suffix: str) -> Registration:
        """The one resource of this type."""
        (registration,) = self.of_type(suffix)
        return registration


def run_program(program: Callable[[], ResultT], *, preview: bool = False) -> tuple[ResultT, Recording]:
    """What `program` returned, and what it registered, after all of its work is done."""
    recording = Recording(preview=preview)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    results: list[ResultT] = []
    try:
        set_mocks(_Provider(preview=preview), PROJECT, STACK, preview, monitor=recording)
        loop.run_until_complete(run_pulumi_func(lambda: results.append(program())))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        reset_options()
        asyncio.set_event_loop(None)
        loop.close()
    return results[0], recording


def _dependencies(request: Any) -> frozenset[str]:
    behind_inputs = {urn for dependencies in request.propertyDependencies.values() for urn in dependencies.urns}
    provider, _, _ = request.provider.rpartition("::")
    return frozenset({*request.dependencies, *behind_inputs, *filter(None, [provider])})


@contextmanager
def _own_event_loop() -> Iterator[None]:
    """The mock monitor makes one in each of the executor's threads and closes none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def value_of(output: object) -> object:
    """The value of an output of a program that is done; a plain one is known before."""
    if not isinstance(output, pulumi.Output):
        return output

    async def look() -> object:
        value = await output.future(with_unknowns=True)
        return Secret(value) if await output.is_secret() else value

    return asyncio.run(look())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_plain(value["value"]))
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value
