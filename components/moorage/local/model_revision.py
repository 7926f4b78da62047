"""Which weights a local folder holds, as a hash that is quick even for 100 GB."""

import hashlib
from pathlib import Path

_WHOLE_BYTES = 16 * 2**20
_BLOCK_BYTES = 64 * 2**10
_BLOCKS = 64


def model_folder_revision(folder: Path) -> str:
    """16 hexadecimal digits over the names, sizes and contents of the files in the folder, hidden ones left out.

    Files up to 16 MiB are read whole; of a larger one its beginning, where safetensors has its header, its end, and
    blocks of 64 KiB evenly between them, 4 MiB in all.  Training moves nearly every weight, so that another training
    shows in those; a single number changed by hand in a large file may not.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        digest.update(_content_digest(file))
    return digest.hexdigest()[:16]


def _content_digest(file: Path) -> bytes:
    size = file.stat().st_size
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        if size <= _WHOLE_BYTES:
            digest.update(opened.read())
        else:
            for block in range(_BLOCKS):
                opened.seek((size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
                digest.update(opened.read(_BLOCK_BYTES))
    return digest.digest()
