"""The program of docs/aws-image-registry.md builds this repository's two images, and says all by their digests."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.recording import Recording, run_program, value_of

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-image-registry.md")


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    monkeypatch.setattr("pulumi.export", found.__setitem__)
    return found


@pytest.fixture
def made(exported: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """In a folder with the repository's files, and that of the model beside them."""
    (tmp_path / "serving_image").symlink_to(ROOT / "serving_image")
    (tmp_path / "build").mkdir()
    monkeypatch.chdir(tmp_path)
    return run_program(PAGE.program)[1]


def test_it_builds_the_images_of_the_repositorys_two_dockerfiles(made: Recording):
    built = {found.name: found.inputs for found in made.of_type("Image")}
    assert {name: inputs["dockerfile"]["location"] for name, inputs in built.items()} == {
        "harbour-serving-image": "serving_image/Dockerfile",
        "harbour-serving-lambda-image": "serving_image/lambda/Dockerfile",
    }
    named = {name for inputs in built.values() for name in inputs["context"].get("named", {})}
    assert named == {"model"}
    assert f"COPY --from={named.pop()} " in (ROOT / "serving_image" / "lambda" / "Dockerfile").read_text()


def test_it_says_each_image_by_its_digest(made: Recording, exported: dict[str, Any]):
    assert made.of_type("Repository")
    references = value_of(exported["image_references"])
    assert isinstance(references, dict)
    assert set(references) == {"serving", "serving-lambda", "vllm"}
    for name, reference in references.items():
        assert f"/harbour/{name}@sha256:" in reference
