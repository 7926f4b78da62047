"""Where weights come from: the Hugging Face Hub or a local folder."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

ALLOWED_SOURCES = "hf://organisation/name, hf://organisation/name@revision or the path of a local folder"

# huggingface.co/docs/huggingface_hub (validate_repo_id, read 2026-11-23): at most 96 characters, no "--" and no ".."
_HUB_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*(?<![.-])")
_HUB_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HUB_NAME_MAX_LENGTH = 96


@dataclass(frozen=True)
class HubSource:
    """A repository of the Hugging Face Hub: `organisation/name`, and a branch, tag or commit if one was given."""

    repository: str
    revision: str | None = None

    @property
    def last_part(self) -> str:
        return self.repository.rpartition("/")[2]


@dataclass(frozen=True)
class FolderSource:
    """A local folder as it was written: absolute, relative, or starting with `~/`; who reads it resolves it."""

    path: str

    @property
    def last_part(self) -> str:
        """Empty where the path names no folder of its own, as in `.`, `..`, `~` or `/`."""
        name = PurePosixPath(self.path).name
        return "" if name in {"..", "~"} else name


ModelSource = HubSource | FolderSource


def parse_source(text: object) -> ModelSource:
    """`hf://…` is a repository of the Hub, anything without a scheme a folder.

    Raises:
        ValueError: neither of both; the message says what is allowed.
    """
    if isinstance(text, HubSource | FolderSource):
        return text
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"must be {ALLOWED_SOURCES}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return FolderSource(text)
    if scheme.group(1) != "hf":
        raise ValueError(f"{scheme.group(0)} is not supported yet; must be {ALLOWED_SOURCES}")
    return _hub_source(text.removeprefix("hf://"))


def _hub_source(address: str) -> HubSource:
    repository, at, revision = address.partition("@")
    if not _HUB_NAME.fullmatch(repository) or len(repository) > _HUB_NAME_MAX_LENGTH:
        raise ValueError("must name a repository of the Hugging Face Hub as hf://organisation/name")
    return HubSource(repository, check_hub_revision(revision) if at else None)


def check_hub_revision(revision: str) -> str:
    """`revision` itself.

    Raises:
        ValueError: it cannot be a branch, a tag or a commit.
    """
    if not _HUB_REVISION.fullmatch(revision):
        raise ValueError("the revision must be the name of a branch or a tag, or a commit")
    return revision
