"""Makes small Pulumi projects and runs the command in them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from moorage.cli.main import app

Render = Callable[..., Result]
MakeProject = Callable[..., Path]


@pytest.fixture
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProject:
    """The folder of a project with this program and a stack `dev` of this configuration; the test goes on in it."""

    def make(program: str, config: Mapping[str, object] | None = None) -> Path:
        (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: program/\nstackConfigDir: stacks\n")
        for folder in ("program", "stacks"):
            (tmp_path / folder).mkdir()
        (tmp_path / "program" / "__main__.py").write_text(dedent(program))
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": dict(config or {})}))
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make


@pytest.fixture
def render() -> Render:
    """Runs `moorage render --stack dev --out out` with more arguments; what it says is the result's `stderr`."""

    def run(*arguments: str, stack: str = "dev") -> Result:
        return CliRunner().invoke(app, ["render", "--stack", stack, "--out", "out", *arguments], catch_exceptions=False)

    return run


def objects(folder: Path) -> dict[str, dict]:
    """What was rendered, by file name."""
    return {file.name: yaml.safe_load(file.read_text()) for file in sorted((folder / "out").glob("*.yaml"))}
