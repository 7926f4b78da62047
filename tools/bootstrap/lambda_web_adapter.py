"""Builds AWS's Lambda Web Adapter, which turns a function's events into HTTP requests."""

import os
import shutil
from pathlib import Path

from tools.bootstrap.build_cache import built_once
from tools.bootstrap.command import SetupError, run, say
from tools.bootstrap.paths import link

STEP = "lambda-adapter"
CRATE, VERSION = "lambda_web_adapter", "1.0.0-rc1"
PROGRAM = "lambda-adapter"


def install_lambda_web_adapter() -> None:
    """Makes `.tools/lambda-adapter` the program that the image has as an extension. Raises `SetupError`."""
    link(PROGRAM, built_once(f"{STEP}-{VERSION}", _build) / PROGRAM)


def _build(directory: Path) -> None:
    cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo" / "bin"))
    if cargo is None:
        raise SetupError(f"Rust's cargo is missing. {CRATE} {VERSION} cannot be built without it.")
    say(STEP, f"building {CRATE} {VERSION} from its crate: about 2 min on two cores, once")
    root = directory / "root"
    run(
        STEP,
        [cargo, "install", CRATE, "--version", VERSION, "--locked", "--no-track", "--root", str(root)],
        environment={**os.environ, "CARGO_TARGET_DIR": str(directory / "target")},
        hint="The crate could not be built. crates.io or a mirror of it has to be reachable.",
    )
    (root / "bin" / PROGRAM).rename(directory / PROGRAM)
    for folder in (root, directory / "target"):
        shutil.rmtree(folder)
