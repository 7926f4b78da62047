"""Builds that take minutes: once per machine, in the user's cache, whole or not at all."""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tools.bootstrap.command import SetupError
from tools.bootstrap.paths import CACHE


def built_once(name: str, build: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; where it is missing, `build` fills it, and one that failed leaves nothing."""
    directory = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{name}.lock"):
        if not directory.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
                build(Path(temporary))
                Path(temporary).rename(directory)
                Path(temporary).mkdir()
    return directory


def require_go(module: Path, otherwise: str) -> None:
    """Raises `SetupError` where no Go is installed, with the version that `module`'s go.mod asks for."""
    if shutil.which("go") is None:
        needed = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
        raise SetupError(f"Go {needed.group(1) if needed else ''} or newer is missing. {otherwise}")


def pinned_version(module: Path, dependency: str) -> str:
    """The version of `dependency` in `module`'s go.mod, without its `v`."""
    found = re.search(
        rf"^(?:require )?\s*{re.escape(dependency)} v(\S+)", (module / "go.mod").read_text(), re.MULTILINE
    )
    if found is None:
        raise SetupError(f"{module / 'go.mod'} does not require {dependency}")
    return found.group(1)
