"""Where weights come from: the Hugging Face Hub, a bucket or a local folder."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

ALLOWED_SOURCES = (
    "hf://organisation/name, hf://organisation/name@revision, s3://bucket/folder, gs://bucket/folder or the path of a "
    "local folder"
)

# huggingface.co/docs/huggingface_hub (validate_repo_id, read 2026-11-23): at most 96 characters, no "--" and no ".."
_HUB_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*(?<![.-])")
_HUB_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HUB_NAME_MAX_LENGTH = 96
# docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and cloud.google.com/storage/docs/buckets (read
# 2026-11-25); Google's may have underscores. A folder is written as it stands in the URL, without query or fragment,
# and without "*", which would be any folder in the policy that lets engines read it.
_BUCKET_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[A-Za-z0-9!_.'()=+@,-]+)+")
_BUCKET_SCHEMES = ("s3", "gs")


@dataclass(frozen=True)
class HubSource:
    """A repository of the Hugging Face Hub: `organisation/name`, and a branch, tag or commit if one was given."""

    repository: str
    revision: str | None = None

    @property
    def last_part(self) -> str:
        return self.repository.rpartition("/")[2]


@dataclass(frozen=True)
class BucketSource:
    """A folder of an S3 or Google Cloud Storage bucket: `s3://bucket/folder` or `gs://bucket/folder`."""

    address: str

    @property
    def last_part(self) -> str:
        return self.address.rpartition("/")[2]


@dataclass(frozen=True)
class FolderSource:
    """A local folder as it was written: absolute, relative, or starting with `~/`; who reads it resolves it."""

    path: str

    @property
    def last_part(self) -> str:
        """Empty where the path names no folder of its own, as in `.`, `..`, `~` or `/`."""
        name = PurePosixPath(self.path).name
        return "" if name in {"..", "~"} else name


ModelSource = HubSource | BucketSource | FolderSource


def parse_source(text: object) -> ModelSource:
    """`hf://…` is a repository of the Hub, `s3://…` and `gs://…` are a bucket's, anything without a scheme a folder.

    Raises:
        ValueError: none of them; the message says what is allowed.
    """
    if isinstance(text, ModelSource):
        return text
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"must be {ALLOWED_SOURCES}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return FolderSource(text)
    if scheme.group(1) in _BUCKET_SCHEMES:
        return _bucket_source(text, scheme.group(0))
    if scheme.group(1) != "hf":
        raise ValueError(f"{scheme.group(0)} is not supported yet; must be {ALLOWED_SOURCES}")
    return _hub_source(text.removeprefix("hf://"))


def _bucket_source(address: str, scheme: str) -> BucketSource:
    folder = address.removeprefix(scheme).rstrip("/")
    if not _BUCKET_FOLDER.fullmatch(folder):
        raise ValueError(f"must name a folder of a bucket as {scheme}bucket/folder")
    return BucketSource(f"{scheme}{folder}")


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
