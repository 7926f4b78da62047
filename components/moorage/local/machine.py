"""What a local stack takes of this machine besides processes, as a Pulumi resource."""

import pulumi
from pulumi.dynamic import Resource

from moorage.local.machine_provider import MachineProvider


class LocalMachine(Resource, module="moorage", name="LocalMachine"):
    """The stack's directory, and the checks that have to hold before the first process starts.

    Every process takes its `stack_directory`, so that a check that fails leaves nothing started, and `destroy` removes
    the directory last.
    """

    stack_directory: pulumi.Output[str]
    """Absolute path; it holds logs, process definitions and data."""
    log_directory: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        directory: str,
        required_disk_gib: float,
        host: str,
        port: int | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Takes a directory.

        :param directory: Absolute path; made if it is missing, removed with all its content on `destroy`.
        :param required_disk_gib: Refused when less is free.
        :param host: Address of the port.
        :param port: Refused when somebody else listens on it. No check where it is left out.
        """
        properties: dict[str, object] = {
            "directory": directory,
            "required_disk_gib": required_disk_gib,
            "host": host,
            "port": port,
            "stack_directory": None,
            "log_directory": None,
        }
        super().__init__(MachineProvider(), name, properties, opts)
