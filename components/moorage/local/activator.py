"""What starts and stops an engine on this machine with demand."""

import json
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pulumi

from moorage.local.layout import StackLayout
from moorage.local.process import LocalProcess
from moorage.spec.gateway_document import Activation, Upstream

DEFAULT_IDLE_SECONDS = 300
_SETTINGS_NAME = "activator.json"
_START_TIMEOUT_SECONDS = 60
_STOP_SECONDS = 10


class LocalActivatorArgs(TypedDict):
    """Which engine, and when it is idle."""

    stack_directory: pulumi.Input[str]
    """The stack's directory, as `LocalMachine` gives it."""
    python: str
    """An interpreter that has the package moorage-serving."""
    version: str
    """Of moorage-serving; another one means a new process."""
    engine: pulumi.Input[Upstream]
    """A `LocalVllm` that is started on demand."""
    engine_log_file: pulumi.Input[str]
    """Tells how far a start is."""
    idle_seconds: NotRequired[int]
    """The engine is stopped after so long without a request. Default: 300."""


class LocalActivator(pulumi.ComponentResource):
    """One small process beside an engine that is started on demand.

    It starts the engine when a gateway asks for it, and stops it when nobody has asked for `idle_seconds`. With another
    engine it is replaced, so that each engine has its own until the gateway has moved over.
    """

    upstream: pulumi.Output[Upstream]
    """The engine as a gateway has to know it, with the hook that starts it."""
    log_file: pulumi.Output[str]

    def __init__(self, name: str, args: LocalActivatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:LocalActivator", name, dict(args), opts)
        process = LocalProcess(
            f"{name}-process",
            stack_directory=args["stack_directory"],
            program="activator",
            command=_command(args["python"]),
            version=args["version"],
            files={_SETTINGS_NAME: _settings(args)},
            readiness={"protocol": "http", "path": "/health", "timeout_seconds": _START_TIMEOUT_SECONDS},
            stop_seconds=_STOP_SECONDS,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.upstream = pulumi.Output.all(engine=args["engine"], address=process.address).apply(
            lambda known: _with_hook(cast("Upstream", known["engine"]), cast("str", known["address"]))
        )
        self.log_file = process.log_file
        self.register_outputs({"upstream": self.upstream, "log_file": self.log_file})


def _command(python: str) -> list[str]:
    own = ["--settings", f"{{files}}/{_SETTINGS_NAME}", "--socket", "{socket}"]
    return [python, "-m", "moorage_serving.activator", *own]


def _settings(args: LocalActivatorArgs) -> pulumi.Output[str]:
    parts = pulumi.Output.all(
        directory=args["stack_directory"], engine=args["engine"], log_file=args["engine_log_file"]
    )
    idle_seconds = args.get("idle_seconds", DEFAULT_IDLE_SECONDS)
    return parts.apply(
        lambda part: _render(
            StackLayout(Path(cast("str", part["directory"]))),
            cast("Upstream", part["engine"]),
            cast("str", part["log_file"]),
            idle_seconds,
        )
    )


def _render(stack: StackLayout, engine: Upstream, log_file: str, idle_seconds: int) -> str:
    settings = {
        "upstream": engine["name"],
        "socket": engine.get("address", "").removeprefix("unix://"),
        "withdrawn_socket": str(stack.instance(engine["name"]).withdrawn_socket),
        "log_file": log_file,
        "supervisor_socket": str(stack.supervisor_socket),
        "idle_seconds": idle_seconds,
    }
    return json.dumps(settings, indent=2) + "\n"


def _with_hook(engine: Upstream, address: str) -> Upstream:
    return {**engine, "activation": Activation(address=address)}
