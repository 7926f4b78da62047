"""The program of this repository in a folder of its own: its stacks, state and processes touch nobody else's."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from moorage.local.layout import StackLayout
from tests.stack_processes import processes_of

ROOT = Path(__file__).resolve().parents[1]
STACK = "test"


class Checkout:
    """A copy of the program, with this checkout's environment and tools, and one stack."""

    def __init__(
        self,
        folder: Path,
        configuration: dict[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.layout = StackLayout(folder / ".moorage" / STACK)
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        for linked in (".venv", ".tools"):
            (folder / linked).symlink_to(ROOT / linked)
        (folder / "stacks").mkdir()
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        self._environment["PULUMI_HOME"] = str(folder / "pulumi-home")
        self._environment |= environment or {}
        self.configure(**(configuration or {}))
        self.pulumi("stack", "init", STACK)

    def configure(self, **configuration: object) -> None:
        """Writes the stack's configuration file as a user would."""
        keys = {"cloud": "local", "option": "always-on", **configuration}
        content = {"config": {f"moorage:{key}": value for key, value in keys.items()}}
        (self.folder / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(content))

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The literal CLI in the folder; raises with its output when it fails, unless that is expected."""
        command = [self.folder / ".venv" / "bin" / "pulumi", "--non-interactive", *arguments]
        result = subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True, text=True)
        if check and result.returncode != 0:
            raise AssertionError(f"pulumi {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}")
        return result

    def up(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, *arguments, check=check)

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--stack", STACK)

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets", "--stack", STACK).stdout)

    def processes(self) -> list[psutil.Process]:
        """Every live process that was started with a path of this stack, and their descendants."""
        started = processes_of(self.layout)
        descendants: list[psutil.Process] = []
        for process in started:
            with suppress(psutil.NoSuchProcess):
                descendants += process.children(recursive=True)
        return list({process.pid: process for process in (*started, *descendants)}.values())
