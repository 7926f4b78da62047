"""Redis or Valkey on this machine."""

from typing import TypedDict

import pulumi

from moorage.local.process import LocalProcess

_START_TIMEOUT_SECONDS = 30
_STOP_SECONDS = 10
_MAX_MEMORY_MIB = 256


class LocalRedisArgs(TypedDict):
    """Where the server is, and where it belongs."""

    stack_directory: pulumi.Input[str]
    """The stack's directory, as `LocalMachine` gives it."""
    server: str
    """Path of `redis-server` or `valkey-server`."""


class LocalRedis(pulumi.ComponentResource):
    """One Redis or Valkey server that only its owner can reach: on a Unix socket, with no TCP port.

    It holds at most 256 MiB and makes room by evicting what has a time to live. Nothing is written to disk.
    """

    url: pulumi.Output[str]
    """`unix:///path`, as redis-py and the gateway take it."""
    log_file: pulumi.Output[str]

    def __init__(self, name: str, args: LocalRedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:LocalRedis", name, dict(args), opts)
        process = LocalProcess(
            f"{name}-process",
            stack_directory=args["stack_directory"],
            program="redis",
            command=_command(args["server"]),
            readiness={"protocol": "redis", "path": "", "timeout_seconds": _START_TIMEOUT_SECONDS},
            stop_seconds=_STOP_SECONDS,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = process.address
        self.log_file = process.log_file
        self.register_outputs({"url": self.url, "log_file": self.log_file})


def _command(server: str) -> list[str]:
    # Tenants who ask use their counters again and again: old answers go first.
    memory = ["--maxmemory", f"{_MAX_MEMORY_MIB}mb", "--maxmemory-policy", "volatile-lru"]
    in_memory_only = ["--save", "", "--appendonly", "no"]
    return [server, "--port", "0", "--unixsocket", "{socket}", "--unixsocketperm", "700", *memory, *in_memory_only]
