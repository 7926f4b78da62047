"""A project and a stack's configuration, as Pulumi hands them to a program."""

from pathlib import Path

import pytest

from moorage.cli.absent import absent_values
from moorage.cli.problems import CommandError
from moorage.cli.project import find_project, read_configuration

PROJECT = """
name: shop
runtime: python
main: infra/
stackConfigDir: stacks
config:
  replicas: {type: integer, default: 2}
  image: {type: string}
  aws:region: {default: eu-central-1}
"""


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "stacks").mkdir()
    return tmp_path


def configuration_of(folder: Path, config: str):
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(f"config:\n{config}" if config else "encryptionsalt: v1:x\n")
    return read_configuration(find_project(folder), "dev")


def test_a_project_is_found_from_a_folder_below_it(project_folder: Path):
    below = project_folder / "a" / "b"
    below.mkdir(parents=True)
    project = find_project(below)
    assert (project.name, project.program, project.stacks) == (
        "shop",
        project_folder / "infra",
        project_folder / "stacks",
    )


def test_without_a_project_it_says_where_it_has_looked(tmp_path: Path):
    with pytest.raises(CommandError, match=f"No Pulumi.yaml in {tmp_path} or above it"):
        find_project(tmp_path)


def test_defaults_of_the_project_hold_where_the_stack_says_nothing(project_folder: Path):
    assert configuration_of(project_folder, "").values == {"shop:replicas": "2", "aws:region": "eu-central-1"}
    assert configuration_of(project_folder, "  shop:replicas: 3\n").values["shop:replicas"] == "3"


@pytest.mark.parametrize(
    ("written", "handed_over"),
    [("text", "text"), ("true", "true"), ("4", "4"), ("1.5", "1.5"), ("{a: [1, b]}", '{"a": [1, "b"]}'), ("'4'", "4")],
)
def test_every_value_is_a_text(project_folder: Path, written: str, handed_over: str):
    assert configuration_of(project_folder, f"  shop:key: {written}\n").values["shop:key"] == handed_over


def test_an_encrypted_value_is_a_secret_key_and_its_place_is_marked(project_folder: Path):
    configuration = configuration_of(
        project_folder, "  shop:plain: x\n  shop:image:\n    tag: '1'\n    keys: [{secure: AAA}]\n"
    )
    assert configuration.secret_keys == ("shop:image",)
    assert absent_values(configuration.values["shop:image"]) == [
        "the encrypted configuration shop:image.keys[0], which nobody has decrypted"
    ]
    assert "AAA" not in str(configuration)


@pytest.mark.parametrize("content", ["name: [", "main: infra\n", "- a\n"])
def test_a_file_that_is_no_project_is_named(tmp_path: Path, content: str):
    (tmp_path / "Pulumi.yaml").write_text(content)
    with pytest.raises(CommandError, match=r"Pulumi\.yaml"):
        find_project(tmp_path)
