"""Builds programs from Go modules that are pinned in `tools/kubernetes`."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.bootstrap.build_cache import built_once, pinned_version, require_go
from tools.bootstrap.command import SetupError, run, say
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
        for program, package in self.packages.items():
            go_build(self.folder, source, package, directory / program, flags=self._flags)

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


def go_build(step: str, source: Path, package: str, program: Path, *, flags: str) -> None:
    """Builds one program of the module in `source`, exactly as its go.sum has it. Raises `SetupError`."""
    run(
        step,
        ["go", "build", "-trimpath", "-mod=readonly", f"-ldflags={flags}", "-o", str(program), package],
        cwd=source,
        environment={**os.environ, "CGO_ENABLED": "0"},
        hint="The Go modules could not be built. The module proxy has to be reachable.",
    )


def module_folders(source: Path, modules: Sequence[str]) -> dict[str, Path]:
    """Where each of these modules is, which Go has checked against the go.sum in `source`. Raises `SetupError`."""
    command = ["go", "mod", "download", "-json", *modules]
    downloaded = subprocess.run(command, cwd=source, capture_output=True, text=True)
    if downloaded.returncode != 0:
        raise SetupError(f"Go modules could not be downloaded:\n{downloaded.stdout}{downloaded.stderr}")
    decoder, rest, folders = json.JSONDecoder(), downloaded.stdout.strip(), dict[str, Path]()
    while rest:
        module, end = decoder.raw_decode(rest)
        folders[module["Path"]] = Path(module["Dir"])
        rest = rest[end:].lstrip()
    return folders
