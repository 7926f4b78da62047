"""Builds llama.cpp: the server that Lambda runs, and the program that quantizes a model for it."""

import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

from tools.bootstrap.build_cache import built_once
from tools.bootstrap.command import run, say
from tools.bootstrap.environments import make_environment
from tools.bootstrap.paths import ROOT, link
from tools.bootstrap.system_packages import find_or_install

STEP = "llama-cpp"
RECIPE = ROOT / "serving_image" / "lambda"
PROGRAMS = ("llama-server", "llama-quantize")
CONVERTER = ("convert_hf_to_gguf.py", "conversion", "gguf-py")
"""What makes a GGUF file of a Hugging Face folder, in Python."""
COMPILERS = ("c++", "g++", "clang++")
COMPILER_PACKAGES = {"apt-get": "g++", "dnf": "gcc-c++", "apk": "g++", "zypper": "gcc-c++", "pacman": "gcc"}
_HINT = "llama.cpp could not be built from its source, which the package index has to deliver."


def install_llama_cpp() -> None:
    """Makes `.tools/llama-cpp` a folder with the programs and the converter. Raises `SetupError`."""
    digest = hashlib.sha256(f"{platform.machine()} {PROGRAMS} {CONVERTER}".encode())
    for name in ("llama-cpp.txt", "llama-cpp.cmake"):
        digest.update((RECIPE / name).read_bytes())
    link("llama-cpp", built_once(f"{STEP}-{digest.hexdigest()[:12]}", _build))


def _build(directory: Path) -> None:
    find_or_install(STEP, COMPILERS, COMPILER_PACKAGES)
    requirements = RECIPE / "llama-cpp-build.txt"
    tools = make_environment(f"{STEP}-build", requirements, what="CMake and Ninja", hint=_HINT) / "bin"
    say(STEP, "building llama.cpp from its source: about 6 min on two cores, once")
    with tempfile.TemporaryDirectory(dir=directory.parent) as temporary:
        source, build = _source(tools, Path(temporary)), Path(temporary) / "build"
        cmake = str(tools / "cmake")
        configure = [cmake, "-C", str(RECIPE / "llama-cpp.cmake"), "-S", str(source), "-B", str(build), "-G", "Ninja"]
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        run(f"{STEP}-configure", configure, environment=environment, hint=_HINT)
        run(STEP, [cmake, "--build", str(build), "--target", *PROGRAMS], environment=environment, hint=_HINT)
        for program in PROGRAMS:
            shutil.copy(build / "bin" / program, directory / program)
        for part in CONVERTER:
            shutil.move(source / part, directory / part)


def _source(tools: Path, directory: Path) -> Path:
    """The pinned source, whose hash pip has checked, unpacked."""
    command = [str(tools / "python"), "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
    pinned = ["--no-build-isolation", "--require-hashes", "--requirement", str(RECIPE / "llama-cpp.txt")]
    run(f"{STEP}-source", [*command, *pinned, "--dest", str(directory)], hint=_HINT)
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(directory, filter="data")
    return directory / archive.name.removesuffix(".tar.gz") / "vendor" / "llama.cpp"
