"""Finds the Pulumi CLI, else installs the official one, else builds it from Go modules."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import semver
import yaml
from pulumi.automation import PulumiCommand

from tools.bootstrap.build_cache import built_once, pinned_version, require_go
from tools.bootstrap.command import run, say
from tools.bootstrap.paths import CACHE, ROOT, link

STEP = "pulumi"
SOURCE = ROOT / "tools" / "pulumi_cli"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
PROVIDER_SCRIPTS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


def install_pulumi() -> None:
    """Makes `.venv/bin/pulumi` run a CLI of at least the version that Pulumi.yaml asks for."""
    command = _existing() or _cached() or _official() or _build()
    link("pulumi", command)
    _write_wrapper()


def _existing() -> Path | None:
    """A sufficient CLI on PATH that has its Python language host; our own wrapper does not count."""
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != ROOT / ".venv/bin")
    found = shutil.which("pulumi", path=path)
    if found is None:
        return None
    command = Path(found).resolve()
    version = _version_of(command)
    has_host = (command.parent / PROVIDER_SCRIPTS[0]).exists() or shutil.which(PROVIDER_SCRIPTS[0], path=path)
    if version is None or version < _required() or not has_host:
        say(STEP, f"{command} ({version or 'no version'}) is not used: {_required()} or newer is needed")
        return None
    return command


def _cached() -> Path | None:
    return next((command for command in (_official_command(), _built_command()) if command.exists()), None)


def _official() -> Path | None:
    directory = _official_command().parents[1]
    try:
        say(STEP, f"trying the official installer for {_pinned()}")
        PulumiCommand.install(root=str(directory), version=_pinned())
    except Exception as error:  # noqa: BLE001 - whatever keeps the installer from working, the build is next
        say(STEP, f"the official installer cannot be used here ({type(error).__name__})")
        shutil.rmtree(directory, ignore_errors=True)
        return None
    return _official_command()


def _build() -> Path:
    """The CLI from Go modules, with our language host beside it; built once per machine and version."""
    built_once(_built_command().parent.name, _build_into)
    return _built_command()


def _official_command() -> Path:
    return CACHE / f"pulumi-official-{_pinned()}" / "bin" / "pulumi"


def _built_command() -> Path:
    return CACHE / f"pulumi-built-{_pinned()}-{_source_digest()}" / "pulumi"


def _build_into(directory: Path) -> None:
    require_go(SOURCE, f"The Pulumi CLI {_required()} or newer is missing too, and its installer cannot be reached.")
    say(STEP, f"building {_pinned()} from Go modules: about 5 minutes on two cores, once per machine")
    version_variable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
    flags = f"-s -w -X {version_variable}=v{_pinned()}"
    run(
        STEP,
        ["go", "build", "-trimpath", "-mod=readonly", "-ldflags", flags, "-o", str(directory / "pulumi"), PACKAGE],
        cwd=SOURCE,
        hint="The Go modules could not be built. Install the Pulumi CLI by hand and run this again.",
    )
    shutil.copy(SOURCE / "language_host.py", directory)
    for name in PROVIDER_SCRIPTS:
        shutil.copy(SOURCE / name, directory)


def _write_wrapper() -> None:
    wrapper = ROOT / ".venv" / "bin" / "pulumi"
    wrapper.write_text((SOURCE / "wrapper.sh").read_text())
    wrapper.chmod(0o755)


def _required() -> semver.Version:
    requirement = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["requiredPulumiVersion"]
    return semver.Version.parse(requirement.removeprefix(">="))


def _pinned() -> semver.Version:
    return semver.Version.parse(pinned_version(SOURCE, "github.com/pulumi/pulumi/pkg/v3"))


def _source_digest() -> str:
    digest = hashlib.sha256(sys.platform.encode())
    for name in ("go.mod", "go.sum", "language_host.py", *PROVIDER_SCRIPTS):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()[:12]


def _version_of(command: Path) -> semver.Version | None:
    try:
        answer = subprocess.run([command, "version"], capture_output=True, text=True, check=True, timeout=30)
        return semver.Version.parse(answer.stdout.strip().removeprefix("v"))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def select_stack(stack: str) -> None:
    """Makes the stack known to the backend if it is new."""
    pulumi = str(ROOT / ".venv/bin/pulumi")
    listed = subprocess.run([pulumi, "stack", "ls", "--json"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and stack in {entry["name"] for entry in json.loads(listed.stdout)}:
        return
    run(
        "stack",
        [pulumi, "stack", "init", stack, "--non-interactive", "--no-select"],
        hint="The state's backend could not be used; `pulumi login` chooses another.",
    )
