"""What the documentation refers to exists."""

import re
from pathlib import Path

import pytest

from .pages import ROOT, Page, pages

every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)

_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_CALL = re.compile(r"(?:^|[\s(])make((?: -s)?(?: [A-Z]+=\S+)*) ([a-z][a-z-]*)", re.MULTILINE)
_REPOSITORY_PATH = re.compile(
    r"(?:components|moorage|moorage_serving|infra|serving_image|stacks|tests|tools|docs|contracts|benchmarks)"
    r"/[\w./-]*[\w/]"
)
_TEST = re.compile(r"^([\w./]+\.py)::(test_\w+)$")
_FOLDERS = (ROOT, ROOT / "components", ROOT / "serving_image", ROOT / "serving_image" / "moorage_serving")
_EXAMPLES = {"stacks/Pulumi.second.yaml"}


@every_page
def test_every_relative_link_leads_somewhere(page: Page):
    broken = [link for link in page.links if "://" not in link and not _leads_somewhere(page, link)]
    assert broken == []


@every_page
def test_every_make_target_exists(page: Page):
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    named = {target for code in page.code for _, target in _CALL.findall(code)}
    assert named - targets == set()


@every_page
def test_every_path_of_the_repository_exists(page: Page):
    """Those that are written out; one with a placeholder is none."""
    named = {found for code in page.code for found in _REPOSITORY_PATH.findall(code) if code == found}
    missing = {path for path in named - _EXAMPLES if not any((folder / path).exists() for folder in _FOLDERS)}
    assert missing == set()


@every_page
def test_every_test_that_is_named_exists(page: Page):
    """Those that are written as pytest does, from the page's folder."""
    named = {tuple(found) for code in page.code for found in _TEST.findall(code)}
    assert {(path, test) for path, test in named if not _has_test(page.path.parent / path, test)} == set()


def test_the_checks_would_find_something():
    everything = [page for page in pages() if page.links]
    assert everything
    assert {target for page in pages() for code in page.code for _, target in _CALL.findall(code)} >= {"up", "down"}
    assert any(_TEST.findall(code) for page in pages() for code in page.code)


def _has_test(path: Path, test: str) -> bool:
    return path.exists() and re.search(rf"def {test}\(", path.read_text()) is not None


def _leads_somewhere(page: Page, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.path.parent / path).resolve() if path else page.path
    return target.exists() and (not anchor or anchor in Page(target).anchors)
