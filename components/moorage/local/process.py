"""One supervised process on this machine, as a Pulumi resource."""

from collections.abc import Mapping

import pulumi
from pulumi.dynamic import Resource

from moorage.local.definition import Readiness
from moorage.local.process_provider import ProcessProvider


class LocalProcess(Resource, module="moorage", name="LocalProcess"):
    """A process that is started before `up` goes on, restarted when it crashes, and gone after `destroy`.

    A change of its program, command, environment, host, port or version starts a new process, waits until it is ready,
    and only then drains and stops the old one. A change of its files alone is written in place, followed by
    `reload_signal`.

    With `on_demand` it is not started: the supervisor knows it, and whoever wants it up starts it there.
    """

    address: pulumi.Output[str]
    """`unix:///path` or `http://host:port`."""
    port: pulumi.Output[int]
    """The TCP port it listens on; 0 for a Unix socket."""
    instance: pulumi.Output[str]
    """The name under which the supervisor knows it: the program's with a suffix of its own per replacement."""
    log_file: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        stack_directory: pulumi.Input[str],
        program: str,
        command: pulumi.Input[list[str]],
        readiness: Readiness,
        stop_seconds: float,
        pre_stop_seconds: float = 0,
        environment: pulumi.Input[dict[str, str]] | None = None,
        files: Mapping[str, pulumi.Input[str]] | None = None,
        reload_signal: str | None = None,
        host: str | None = None,
        port: int | None = None,
        version: pulumi.Input[str] = "",
        start_seconds: int = 1,
        required_memory_gib: pulumi.Input[float] = 0.0,
        allow_downtime: bool = False,
        on_demand: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Starts a process.

        :param stack_directory: Where the stack keeps its files.
        :param program: What the process is to its stack, for example `engine`; part of the instance's name.
        :param command: Program and arguments; `{socket}`, `{port}` and `{files}` stand for the instance's own.
        :param readiness: How to see that it can do its work, and for how long to wait for that.
        :param stop_seconds: How long it may take to end after SIGTERM before it is killed.
        :param pre_stop_seconds: How long it still takes requests when it is to go, before SIGTERM: for those that were
            on their way when everybody was told to send no more.
        :param environment: Added to the environment of whoever started the stack; no secrets, they would be on disk.
        :param files: File name to content, written with mode 0600 into the directory `{files}`.
        :param reload_signal: Sent after `files` have changed. Without it a changed file means a new process.
        :param host: The address to listen on by TCP. A Unix socket where it is left out.
        :param port: The TCP port. Where it is left out with a `host`, one that is free is chosen and kept.
        :param version: Of the program; another one means a new process.
        :param start_seconds: A process that ends sooner than this counts as failed to start and is retried slower.
        :param required_memory_gib: Refused before the start when the machine has less available. With `on_demand` that
            is each start; `up` then refuses what the machine can never hold.
        :param allow_downtime: On a replacement the old process is stopped before the new one starts.
        :param on_demand: Neither started nor waited for; that it is down is no fault.
        """
        properties: dict[str, object] = {
            "stack_directory": stack_directory,
            "program": program,
            "command": command,
            "environment": environment or {},
            "files": files or {},
            "readiness": readiness,
            "stop_seconds": stop_seconds,
            "pre_stop_seconds": pre_stop_seconds,
            "reload_signal": reload_signal,
            "host": host,
            "requested_port": port,
            "version": version,
            "start_seconds": start_seconds,
            "required_memory_gib": required_memory_gib,
            "allow_downtime": allow_downtime,
            "on_demand": on_demand,
            "address": None,
            "port": None,
            "instance": None,
            "log_file": None,
        }
        super().__init__(ProcessProvider(), name, properties, opts)
