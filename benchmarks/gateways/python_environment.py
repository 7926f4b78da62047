"""Virtual environments of the gateways that come from the package index."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from tools.bootstrap.environments import make_environment
from tools.bootstrap.paths import REQUIREMENTS

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PythonEnvironment:
    """One installed environment."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def version(self, package: str) -> str:
        """Of an installed package. Raises StopIteration where there is none."""
        folders = [str(folder) for folder in self.folder.glob("lib/python*/site-packages")]
        return next(found.version for found in distributions(name=package, path=folders))


def install(package: str) -> PythonEnvironment:
    """The environment that `tools/requirements/<package>.txt` pins, made once per machine."""
    hint = f"The package index could not deliver {package}."
    return PythonEnvironment(make_environment(package, REQUIREMENTS / f"{package}.txt", what=package, hint=hint))
