"""The wheel with one extra: what another team's repository installs."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.documentation.pages import ROOT, Page

from .environment import build_wheel, consumer_environment

pytestmark = pytest.mark.long

PAGES = {"kubernetes": "use-from-python.md", "aws": "aws.md", "gcp": "gcp.md"}
"""By extra: where the program is that a consumer of it has."""
SDKS = {"kubernetes": "pulumi_kubernetes", "aws": "pulumi_aws", "gcp": "pulumi_gcp"}
FOREIGN = {
    "kubernetes": {"pulumi_aws", "pulumi_gcp"},
    "aws": {"pulumi_gcp"},
    "gcp": {"pulumi_aws"},
}
COMPOSED = {
    "kubernetes": {"VllmDeployment", "KubernetesValkey", "KubernetesGateway"},
    "aws": {"AwsNetwork", "EksCluster", "EksGpuPool"},
    "gcp": {"GkeNetwork", "GkeCluster", "GkeComputeClass"},
}
REGISTERED = Path(__file__).with_name("registered.py")

Consumer = tuple[str, Path]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=PAGES)
def consumer(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """The extra, and the Python of an environment that has nothing else."""
    extra: str = request.param
    return extra, consumer_environment(tmp_path_factory.mktemp(extra), extra, wheel)


@pytest.fixture(scope="module")
def found(consumer: Consumer, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the page's program registers there, and has imported."""
    extra, python = consumer
    program = tmp_path_factory.mktemp("program") / "__main__.py"
    (written,) = Page(ROOT / "docs" / PAGES[extra]).blocks("python")
    program.write_text(written)
    return json.loads(run(python, str(REGISTERED), str(program)))


def run(python: Path, *arguments: str) -> str:
    """Isolated: from no folder but its own environment's."""
    result = subprocess.run([python, "-I", *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_library_and_pulumi_are_those_of_the_environment(consumer: Consumer, found: Mapping[str, Any]):
    environment = consumer[1].parents[1]
    assert all(Path(found[module]).is_relative_to(environment) for module in ("library", "sdk"))


def test_the_program_composes_components_into_a_stack_of_its_own(consumer: Consumer, found: Mapping[str, Any]):
    composed = {kind.rpartition(":")[2] for kind in found["types"] if kind.startswith("moorage:index:")}
    assert composed >= COMPOSED[consumer[0]]
    assert sum(kind.startswith(f"{consumer[0]}:") for kind in found["types"]) > len(COMPOSED[consumer[0]])


def test_no_other_clouds_sdk_is_imported(consumer: Consumer, found: Mapping[str, Any]):
    assert SDKS[consumer[0]] in found["imported"]
    assert not FOREIGN[consumer[0]] & set(found["imported"])


def test_no_other_clouds_sdk_is_there(consumer: Consumer):
    looked = run(consumer[1], "-c", f"import importlib.util as u; print(*filter(u.find_spec, {set(SDKS.values())}))")
    assert set(looked.split()) == set(SDKS.values()) - FOREIGN[consumer[0]]


@pytest.mark.long
def test_its_whole_room_can_be_imported(consumer: Consumer):
    """Every module of that cloud, not only those that the program uses."""
    walk = (
        "import importlib, pkgutil, moorage.{0} as room;"
        "print(*[importlib.import_module(found.name).__name__"
        " for found in pkgutil.walk_packages(room.__path__, 'moorage.{0}.')])"
    )
    assert len(run(consumer[1], "-c", walk.format(consumer[0])).split()) > 1


def test_type_checkers_find_its_types(consumer: Consumer):
    marker = "import importlib.resources as r; print(r.files('moorage').joinpath('py.typed').is_file())"
    assert run(consumer[1], "-c", marker) == "True\n"
