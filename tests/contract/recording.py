"""Runs a Pulumi program on the answers that the real providers would give."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pulumi
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from moorage.cli import recording
from moorage.cli.recording import Recording, Registration, Secret

from .aws_answers import AWS_ANSWERS, AWS_FUNCTIONS, REGION, answered_in
from .gcp_answers import GCP_ANSWERS

__all__ = ["OUTPUTS", "PROJECT", "STACK", "Recording", "Registration", "Secret", "arns_of", "run_program", "value_of"]

ResultT = TypeVar("ResultT")

PROJECT, STACK = "moorage", "contract"
_DYNAMIC = "pulumi-python:dynamic/moorage:"


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


class _Provider(Mocks):
    """Answers as a provider does: nothing new in a preview, the outputs after a creation."""

    def __init__(self, *, preview: bool) -> None:
        self._preview = preview
        self._regions: dict[str, str] = {}
        self.arns: set[str] = set()

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, object]]:
        if args.typ == "pulumi:providers:aws":
            self._regions[f"{args.name}-id"] = args.inputs["region"]
        answer = None if self._preview else OUTPUTS.get(args.typ)
        answered = answer(args.name, args.inputs) if answer else {}
        if args.typ.startswith("aws:"):
            _, _, provider_id = (args.provider or "").rpartition("::")
            answered = answered_in(self._regions.get(provider_id, REGION), answered)
            self.arns |= {arn for arn in [answered.get("arn")] if isinstance(arn, str)}
        return f"{args.name}-id", {**args.inputs, **answered}

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]]]:
        assert args.token in AWS_FUNCTIONS, f"{args.token}: components call no provider functions"
        return AWS_FUNCTIONS[args.token], []


def run_program(
    program: Callable[[], ResultT], *, preview: bool = False, stack: str = STACK
) -> tuple[ResultT, Recording]:
    """What `program` returned, and what it registered, after all of its work is done."""
    return recording.run_program(program, _Provider(preview=preview), project=PROJECT, stack=stack, preview=preview)


def arns_of(made: Recording) -> set[str]:
    """Of all that AWS answered an ARN for."""
    return cast("_Provider", made.mocks).arns


def value_of(output: object) -> object:
    """The value of an output of a program that is done; a plain one is known before."""
    if not isinstance(output, pulumi.Output):
        return output

    async def look() -> object:
        value = await output.future(with_unknowns=True)
        return Secret(value) if await output.is_secret() else value

    return asyncio.run(look())
