"""The gateway on this machine."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict, cast

import pulumi

from moorage.credentials.api_key import ApiKey
from moorage.local.process import LocalProcess
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Authentication, Key, Upstream, generated_key, render_gateway_document
from moorage.spec.gateway_settings import GatewaySettings, check_tenant, parse_gateway_settings

DOCUMENT_NAME = "gateway.json"
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
    settings: NotRequired[GatewaySettings]
    """What else its document says: tenants, further keys, the cache and so on. A change is taken over without a
    restart. Default: nothing."""
    tenant: NotRequired[str]
    """The tenant of the generated key, out of the settings' tenants. Default: one of its own, without limits.
    Where nobody needs a key, it has no meaning."""
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
        settings = _settings(args)
        key = ApiKey(f"{name}-key", pulumi.ResourceOptions(parent=self)) if _has_keys(args) else None
        process = self._create_process(name, args, _document(args, settings, _keys(key, args.get("tenant"))))
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

    def _create_process(self, name: str, args: LocalGatewayArgs, document: pulumi.Output[str]) -> LocalProcess:
        return LocalProcess(
            f"{name}-process",
            stack_directory=args["stack_directory"],
            program="gateway",
            command=_command(args),
            host=args["host"],
            port=args.get("port"),
            version=args["version"],
            files={DOCUMENT_NAME: document},
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


def _settings(args: LocalGatewayArgs) -> GatewaySettings:
    """Raises `SpecError` before anything starts."""
    settings = parse_gateway_settings(args.get("settings", {}), "settings")
    if settings.get("cache") is not None and "redis_url" not in args:
        raise SpecError([Problem("settings.cache", ": needs redis_url")])
    if "tenant" in args:
        check_tenant(args["tenant"], settings, "tenant")
    return settings


def _document(args: LocalGatewayArgs, settings: GatewaySettings, keys: pulumi.Output[list[Key]]) -> pulumi.Output[str]:
    parts = pulumi.Output.all(upstreams=args["upstreams"], keys=keys, redis_url=args.get("redis_url"))
    authentication = cast("Authentication", args["authentication"])
    return parts.apply(
        lambda part: render_gateway_document(
            cast("list[Upstream]", part["upstreams"]),
            cast("list[Key]", part["keys"]),
            authentication,
            cast("str | None", part["redis_url"]),
            settings,
        )
    )


def _has_keys(args: LocalGatewayArgs) -> bool:
    return args["authentication"] == "api_keys"


def _keys(key: ApiKey | None, tenant: str | None) -> pulumi.Output[list[Key]]:
    if key is None:
        none: list[Key] = []
        return pulumi.Output.from_input(none)
    return pulumi.Output.unsecret(key.key).apply(lambda value: [generated_key(value, tenant)])
