"""Builds programs from Go modules that are pinned in `tools/kubernetes`."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.bootstrap.build_cache import built_once, pinned_version, require_go
from tools.bootstrap.command import run, say
from tools.bootstrap.paths import ROOT, link

SOURCES = ROOT / "tools" / "kubernetes"


@dataclass(frozen=True)
class GoPrograms:
    """What is built from one module: its folder in `tools/kubernetes` holds go.mod and go.sum, and nothing else."""

    folder: str
    module: str
    packages: Mapping[str, str]
    """The package of each program, by the program's name."""
    minutes: int
    """What the build takes on two cores, measured 2026-11-25."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the linker writes into the program; `{version}` stands for the module's."""

    def install(self) -> None:
        """Makes `.tools/<program>` each of the programs. Raises `SetupError` where they cannot be built."""
        directory = built_once(f"{self.folder}-{self._version}-{self._digest()}", self._build)
        for program in self.packages:
            link(program, directory / program)

    def _build(self, directory: Path) -> None:
        source = SOURCES / self.folder
        require_go(source, f"{', '.join(self.packages)} {self._version} cannot be built without it.")
        say(self.folder, f"building {self._version} from its Go module: about {self.minutes} min on two cores, once")
        command = ["go", "build", "-trimpath", "-mod=readonly", f"-ldflags={self._flags}", "-o"]
        for program, package in self.packages.items():
            run(
                self.folder,
                [*command, str(directory / program), package],
                cwd=source,
                environment={**os.environ, "CGO_ENABLED": "0"},
                hint="The Go modules could not be built. The module proxy has to be reachable.",
            )

    @property
    def _version(self) -> str:
        return pinned_version(SOURCES / self.folder, self.module)

    @property
    def _flags(self) -> str:
        written = (f"-X {name}={value.format(version=self._version)}" for name, value in self.variables.items())
        return " ".join(("-s -w", *written))

    def _digest(self) -> str:
        digest = hashlib.sha256(f"{sys.platform} {self._flags} {self.packages}".encode())
        for name in ("go.mod", "go.sum"):
            digest.update((SOURCES / self.folder / name).read_bytes())
        return digest.hexdigest()[:12]
