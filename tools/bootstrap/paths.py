"""Where things are: in the checkout what belongs to it, in the user's cache what takes long to make."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "tools" / "requirements"
TOOLS = ROOT / ".tools"
LOGS = TOOLS / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage"


def link(name: str, target: Path) -> None:
    """Points `.tools/<name>` to `target`."""
    place = TOOLS / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() and place.readlink() == target:
        return
    place.unlink(missing_ok=True)
    place.symlink_to(target)
