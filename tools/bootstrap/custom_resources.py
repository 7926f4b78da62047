"""Copies the definitions of custom resources out of the Go modules that their owners publish."""

import hashlib
import shutil
from pathlib import Path

import yaml

from tools.bootstrap.build_cache import built_once, require_go
from tools.bootstrap.command import SetupError, say
from tools.bootstrap.go_programs import SOURCES, module_folders
from tools.bootstrap.paths import link

STEP = "crds"
SOURCE = SOURCES / "crds"


def install_custom_resource_definitions() -> None:
    """Makes `.tools/crds` a folder of YAML files, each with CustomResourceDefinitions."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "sources.yaml"):
        digest.update((SOURCE / name).read_bytes())
    link("crds", built_once(f"crds-{digest.hexdigest()[:12]}", _copy))


def _copy(directory: Path) -> None:
    require_go(SOURCE, "The definitions of custom resources come from Go modules.")
    patterns = yaml.safe_load((SOURCE / "sources.yaml").read_text())
    say(STEP, f"copying the definitions of custom resources out of {len(patterns)} Go modules, once")
    for module, folder in module_folders(SOURCE, list(patterns)).items():
        files = sorted(folder.glob(patterns[module]))
        if not files:
            raise SetupError(f"{module} has no file {patterns[module]}")
        for file in files:
            shutil.copy(file, directory / file.name)
