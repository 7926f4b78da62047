"""What `destroy` does where something is protected, as docs/aws.md and docs/gcp.md say it."""

from pathlib import Path

from tests.checkout import ROOT
from tests.pulumi_project import STACK, PulumiProject

PROJECT = """\
name: harbour
runtime:
  name: python
  options: {toolchain: pip, virtualenv: .venv}
"""
PROGRAM = """\
import pulumi

from moorage.credentials.api_key import ApiKey

is_protected = pulumi.Config().require_bool("deletion_protection")
key = ApiKey("cluster-key", pulumi.ResourceOptions(protect=is_protected))
ApiKey("workload", pulumi.ResourceOptions(depends_on=[key]))
"""


def test_destroy_names_what_is_protected_deletes_nothing_and_does_it_once_the_switch_is_set(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    project = PulumiProject(tmp_path, ROOT / ".venv", {})
    protect(project, "true")
    refused = project.pulumi("destroy", "--yes", "--stack", STACK, check=False)
    said = " ".join((refused.stdout + refused.stderr).split())
    assert refused.returncode != 0
    assert "ApiKey::cluster-key" in said
    assert "cannot be deleted because it is protected" in said
    assert {"cluster-key", "workload"} <= names(project)
    protect(project, "false")
    project.destroy()
    assert names(project) == set()


def protect(project: PulumiProject, value: str) -> None:
    project.pulumi("config", "set", "harbour:deletion_protection", value, "--stack", STACK)
    project.up()


def names(project: PulumiProject) -> set[str]:
    """Of the resources that there are."""
    listed = project.pulumi("stack", "--show-urns", "--stack", STACK).stdout
    urns = [line.split("::") for line in listed.splitlines() if "ApiKey::" in line]
    return {urn[-1].strip() for urn in urns}
