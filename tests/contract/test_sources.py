"""What the library's sources keep to: documented arguments, no hidden inputs, no output, quick and light imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import moorage
from moorage.spec import Load, ModelFacts, ModelSpec, ServiceLevel
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs

LIBRARY = Path(moorage.__file__).parent
SOURCES = {str(path.relative_to(LIBRARY)): ast.parse(path.read_text()) for path in sorted(LIBRARY.rglob("*.py"))}

OUTSIDE_THE_PROGRAM = {
    "aws/key_authorizer_function.py": {"os.environ"},
    "cli/edge.py": {"os.environ"},
    "cli/offline_program.py": {"os.environ"},
    "local/child_environment.py": {"os.environ"},
    "local/tiny_model/train.py": {"os.environ", "sys.stdout"},
    "plugin/host.py": {"sys.stdout"},
}
"""The modules that run in a process of their own, a command of ours or the provider's, and what each uses there."""

HIDDEN = {"os.environ", "os.getenv", "os.environb", "pulumi.Config", "pulumi.runtime.get_config", "print"} | {
    "sys.stdout",
    "sys.stderr",
}
CLOUD_SDKS = ("pulumi", "boto3", "botocore", "google", "azure", "kubernetes", "grpc")
SDK_OF_A_CLOUD = {"aws": "pulumi_aws", "gcp": "pulumi_gcp"}
IMPORT_SECONDS = 0.1


def hidden_uses(tree: ast.Module) -> set[str]:
    """Of the environment, the configuration and the screen, however they were imported."""
    found = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found & HIDDEN


def arguments_classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Args"):
                yield path, node


def test_only_what_runs_outside_the_program_reads_the_environment_or_prints():
    uses = {path: hidden_uses(tree) for path, tree in SOURCES.items()}
    assert {path: used for path, used in uses.items() if used} == OUTSIDE_THE_PROGRAM


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['HOME']",
        "from os import environ",
        "import pulumi\npulumi.Config('moorage')",
        "from pulumi import Config",
        "print('done')",
        "import sys\nsys.stderr.write('')",
    ],
)
def test_a_hidden_use_is_found(source: str):
    assert hidden_uses(ast.parse(source))


@pytest.mark.parametrize(
    "arguments",
    [node for _, node in arguments_classes()],
    ids=[f"{path}:{node.name}" for path, node in arguments_classes()],
)
def test_every_argument_is_documented(arguments: ast.ClassDef):
    undocumented = [
        ast.unparse(field)
        for field, after in zip(arguments.body, [*arguments.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and after.value.value)
    ]
    assert ast.get_docstring(arguments)
    assert undocumented == []


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [(ModelArgs, ModelSpec), (LoadArgs, Load), (ServiceLevelArgs, ServiceLevel), (ModelFactsArgs, ModelFacts)],
)
def test_the_plain_form_has_the_keys_of_the_typed_one(arguments: type, schema: type[BaseModel]):
    required = {name for name, field in schema.model_fields.items() if field.is_required()}
    assert set(arguments.__annotations__) == set(schema.model_fields)
    assert arguments.__required_keys__ == required


@pytest.mark.parametrize("module", ["moorage", "moorage.spec", "moorage.engine", "moorage.planner.pool_ladder"])
def test_it_is_imported_without_pulumi_and_cloud_sdks(module: str):
    imported = python(f"import sys, {module}; print(*sys.modules)").stdout.split()
    assert module in imported
    assert [name for name in imported if name.partition(".")[0] in CLOUD_SDKS] == []


@pytest.mark.long
@pytest.mark.parametrize("platform", sorted(path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists()))
def test_no_platform_imports_the_sdk_of_another(platform: str):
    """All of its modules together; the engine's own interpreter alone can import the tiny model's."""
    walked = f"pkgutil.walk_packages(moorage.{platform}.__path__, 'moorage.{platform}.')"
    own = f"[found.name for found in {walked} if 'tiny_model' not in found.name]"
    imports = f"[importlib.import_module(name) for name in {own}]"
    imported = python(f"import sys, importlib, pkgutil, moorage.{platform}; {imports}; print(*sys.modules)").stdout
    foreign = {sdk for cloud, sdk in SDK_OF_A_CLOUD.items() if cloud != platform}
    assert foreign & {name.partition(".")[0] for name in imported.split()} == set()


def test_the_package_is_imported_at_once():
    assert min(import_seconds("moorage") for _ in range(5)) <= IMPORT_SECONDS


def import_seconds(module: str) -> float:
    """With all that it imports."""
    lines = python("-X", "importtime", "-c", f"import {module}").stderr.splitlines()
    (cumulative,) = [line.split("|")[1] for line in lines if line.split("|")[-1].strip() == module]
    return int(cumulative) / 1e6


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *(arguments if len(arguments) > 1 else ("-c", *arguments))]
    return subprocess.run(command, check=True, capture_output=True, text=True)
