"""The repository's Markdown files, and their parts."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of this language."""
        return [content for found, content in _FENCE.findall(self.text) if found == language]

    @property
    def has_program(self) -> bool:
        """Whether there is a Pulumi program on it."""
        return any("import pulumi" in block for block in self.blocks("python"))

    @property
    def program(self) -> Callable[[], None]:
        """Its one Python program, as Python runs it."""
        (source,) = self.blocks("python")
        code = compile(source, self.name, "exec")
        return lambda: exec(code, {"__name__": "__main__"})  # noqa: S102 - a page of ours

    @property
    def code(self) -> list[str]:
        """Everything that is set as code: blocks and spans."""
        return [content for _, content in _FENCE.findall(self.text)] + _CODE_SPAN.findall(self._prose)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(_CODE_SPAN.sub("", self._prose))

    @property
    def anchors(self) -> set[str]:
        """What a link's `#…` may name: the headings, as hosts of Markdown write them."""
        headings = (heading.lower().replace(" ", "-") for heading in _HEADING.findall(self._prose))
        return {re.sub(r"[^\w-]", "", heading) for heading in headings}

    def table(self, first_column: str) -> dict[str, list[str]]:
        """The rows of all tables with this first column: the code in its cell, and the other cells.

        Raises ValueError for a row that is there twice.
        """
        rows = list(self._rows(first_column))
        if twice := [name for name, count in Counter(name for name, _ in rows).items() if count > 1]:
            raise ValueError(f"{self.name} has these rows twice: {', '.join(twice)}")
        return dict(rows)

    def _rows(self, first_column: str) -> Iterator[tuple[str, list[str]]]:
        inside = False
        for line in self.text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not line.startswith("|"):
                inside = False
            elif cells[0] == first_column:
                inside = True
            elif inside and set(line) - set("|- :"):
                yield cells[0].strip("`"), cells[1:]

    @property
    def _prose(self) -> str:
        return _FENCE.sub("", self.text)


def pages() -> list[Page]:
    """Every Markdown file of the repository; hidden folders hold what others have written."""
    found = (path for path in ROOT.rglob("*.md") if not any(part[0] == "." for part in path.relative_to(ROOT).parts))
    return [Page(path) for path in sorted(found)]


README = Page(ROOT / "README.md")
CONFIGURATION = Page(ROOT / "docs" / "configuration.md")
