"""Builds what writes a Go package of a Pulumi schema, and fetches what such a package and a program of it need."""

import hashlib
from pathlib import Path

from tools.bootstrap.build_cache import built_once, require_go
from tools.bootstrap.command import say
from tools.bootstrap.go_programs import SOURCES, go_build, module_folders
from tools.bootstrap.paths import ROOT, link

STEP = "pulumi-sdk-generator"
SOURCE = SOURCES / STEP
PROGRAM = ROOT / "tests" / "kube" / "go_program"


def install_pulumi_go_sdk() -> None:
    """Makes `.tools/pulumi-sdk-generator` the generator, and the modules of the tests' program in Go known to Go."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    directory = built_once(f"{STEP}-{digest.hexdigest()[:12]}", _build)
    link(STEP, directory / STEP)
    module_folders(PROGRAM, ["all"])


def _build(directory: Path) -> None:
    require_go(SOURCE, f"{STEP} cannot be built without it.")
    say(STEP, "building from Pulumi's Go module: about 2 min on two cores, once")
    go_build(STEP, SOURCE, ".", directory / STEP, flags="-s -w")
