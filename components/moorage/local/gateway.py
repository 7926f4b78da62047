"""The gateway on this machine."""

import hashlib
from collections.abc import Sequence
from typing import NotRequired, TypedDict, cast

import pulumi

from moorage.local.api_key import ApiKey
from moorage.local.process import LocalProcess
from moorage.spec.gateway_document import Authentication, Key, Upstream, render_gateway_document

DOCUMENT_NAME = "gateway.json"
KEY_ID = "default"
_START_TIMEOUT_SECONDS = 60
_KILL_MARGIN_SECONDS = 5
# An engine on the CPU takes all of it. At the same priority every token woke the gateway, which cost 4 % of the
# engine's tokens/s; at a lower one it passes several on at once (two cores, 32 streams, 2026-11-23).
_YIELDS_TO_THE_ENGINE = ("nice", "-n", "10")


class LocalGatewayArgs(TypedDict):
    """Which engines it stands before, and where it listens."""

    stack_directory: pulumi.Input[str]
    """The stack's directory, as `LocalMachine` gives it."""
    python: str
    """An interpreter that has the package moorage-serving."""
    version: str
    """Of moorage-serving; another one means a new process, which takes the port over."""
    upstreams: Sequence[pulumi.Input[Upstream]]
    """The engines, in the order in which they are tried. A change is taken over without a restart."""
    host: str
    """The address to listen on."""
    port: NotRequired[int]
    """The TCP port. Default: 8000 if it is free, else another, which is kept."""
    authentication: str
    """`api_keys`, with one generated key, or `none`."""
    redis_url: NotRequired[pulumi.Input[str]]
    """Where token usage is added up. Default: nowhere but in the metrics."""
    drain_seconds: int
    """How long open requests may take to finish when it is stopped."""


class LocalGateway(pulumi.ComponentResource):
    """The OpenAI endpoint: one process before any number of engines."""

    endpoint_url: pulumi.Output[str]
    """What an OpenAI client takes as `base_url`, ending in `/v1`."""
    metrics_url: pulumi.Output[str]
    """Prometheus metrics."""
    api_key: pulumi.Output[str]
    """The generated key, a secret; an empty string where `authentication` is `none`."""
    log_file: pulumi.Output[str]

    def __init__(self, name: str, args: LocalGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:LocalGateway", name, dict(args), opts)
        key = ApiKey(f"{name}-key", pulumi.ResourceOptions(parent=self)) if _has_keys(args) else None
        process = self._create_process(name, args, _keys(key))
        self.endpoint_url = pulumi.Output.concat(process.address, "/v1")
        self.metrics_url = pulumi.Output.concat(process.address, "/metrics")
        self.api_key = key.key if key else pulumi.Output.secret("")
        self.log_file = process.log_file
        self.register_outputs(
            {
                "endpoint_url": self.endpoint_url,
                "metrics_url": self.metrics_url,
                "api_key": self.api_key,
                "log_file": self.log_file,
            }
        )

    def _create_process(self, name: str, args: LocalGatewayArgs, keys: pulumi.Output[list[Key]]) -> LocalProcess:
        return LocalProcess(
            f"{name}-process",
            stack_directory=args["stack_directory"],
            program="gateway",
            command=_command(args),
            host=args["host"],
            port=args.get("port"),
            version=args["version"],
            files={DOCUMENT_NAME: _document(args, keys)},
            reload_signal="HUP",
            readiness={"protocol": "http", "path": "/ready", "timeout_seconds": _START_TIMEOUT_SECONDS},
            stop_seconds=args["drain_seconds"] + _KILL_MARGIN_SECONDS,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _command(args: LocalGatewayArgs) -> list[str]:
    listen = ["--host", args["host"], "--port", "{port}", "--reuse-port"]
    return [
        *_YIELDS_TO_THE_ENGINE,
        *(args["python"], "-m", "moorage_serving.gateway", "serve", "--config", f"{{files}}/{DOCUMENT_NAME}"),
        *listen,
        *("--drain-seconds", str(args["drain_seconds"])),
    ]


def _document(args: LocalGatewayArgs, keys: pulumi.Output[list[Key]]) -> pulumi.Output[str]:
    parts = pulumi.Output.all(upstreams=args["upstreams"], keys=keys, redis_url=args.get("redis_url"))
    authentication = cast("Authentication", args["authentication"])
    return parts.apply(
        lambda part: render_gateway_document(
            cast("list[Upstream]", part["upstreams"]),
            cast("list[Key]", part["keys"]),
            authentication,
            cast("str | None", part["redis_url"]),
        )
    )


def _has_keys(args: LocalGatewayArgs) -> bool:
    return args["authentication"] == "api_keys"


def _keys(key: ApiKey | None) -> pulumi.Output[list[Key]]:
    """The hash is no secret: 256 random bits cannot be found from it."""
    if key is None:
        none: list[Key] = []
        return pulumi.Output.from_input(none)
    return pulumi.Output.unsecret(key.key).apply(
        lambda value: [Key(id=KEY_ID, sha256=hashlib.sha256(value.encode()).hexdigest())]
    )
