"""Builds Pulumi's provider for Kubernetes from its Go module."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from tools.bootstrap.build_cache import built_once, pinned_version, require_go
from tools.bootstrap.command import say
from tools.bootstrap.go_programs import SOURCES, go_build, module_folders
from tools.bootstrap.paths import link

STEP = "pulumi-provider"
PROGRAM = "pulumi-resource-kubernetes"
MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
SOURCE = SOURCES / STEP
_FILES = ("go.mod", "go.sum", "main.go")
_EMBEDDED = ("schema.json", "terraform-mapping.json")


def install_pulumi_kubernetes() -> None:
    """Makes `.tools/pulumi-resource-kubernetes` the provider, for tests; Pulumi itself brings the one it wants."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((SOURCE / name).read_bytes())
    directory = built_once(f"{STEP}-{digest.hexdigest()[:12]}", _build)
    link(PROGRAM, directory / PROGRAM)


def _build(directory: Path) -> None:
    require_go(SOURCE, f"{PROGRAM} cannot be built without it.")
    version = pinned_version(SOURCE, MODULE)
    say(STEP, f"building {version} from its Go module: about 6 min on two cores, once")
    published = module_folders(SOURCE, [MODULE])[MODULE] / "cmd" / PROGRAM
    with tempfile.TemporaryDirectory() as folder:
        for file in (*(SOURCE / name for name in _FILES), *(published / name for name in _EMBEDDED)):
            shutil.copy(file, folder)
        go_build(STEP, Path(folder), ".", directory / PROGRAM, flags=f"-s -w -X main.version={version}")
