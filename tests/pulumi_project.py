"""A Pulumi project of somebody else's: the literal CLI in a folder, with state of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.bootstrap.paths import TOOLS

PULUMI = (TOOLS / "pulumi").resolve()
STACK = "test"


class PulumiProject:
    """One stack of the project in `folder`, whose Pulumi.yaml is there already.

    `virtual_environment` is what Python runs in: the program, where it is in Python. `hosts` is a folder with a
    language's host that set-up does not bring.
    """

    def __init__(
        self, folder: Path, virtual_environment: Path, environment: Mapping[str, str], hosts: Path = TOOLS
    ) -> None:
        self.folder = folder
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        state = folder / "state"
        state.mkdir()
        self._environment |= {
            "PULUMI_HOME": str(folder / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "VIRTUAL_ENV": str(virtual_environment),
            # As in an installed Pulumi, where hosts and providers are beside the CLI or in its cache.
            "PATH": os.pathsep.join([str(hosts), str(TOOLS), str(PULUMI.parent), os.environ["PATH"]]),
            **environment,
        }
        self.pulumi("stack", "init", STACK)

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Raises with its output when it fails, unless that is expected."""
        command = [PULUMI, "--non-interactive", *arguments]
        result = subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True, text=True)
        if check and result.returncode != 0:
            raise AssertionError(f"pulumi {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}")
        return result

    def preview(self, *arguments: str, check: bool = True) -> str:
        """What it prints."""
        result = self.pulumi("preview", "--stack", STACK, *arguments, check=check)
        return result.stdout + result.stderr

    def up(self, *arguments: str) -> None:
        self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--stack", STACK)

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets", "--stack", STACK).stdout)

    def resources(self) -> list[dict[str, Any]]:
        """As they are in the state, secrets encrypted."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", STACK).stdout)
        return exported["deployment"]["resources"]
