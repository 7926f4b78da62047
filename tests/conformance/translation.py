"""A resource of Pulumi's as Terraform's JSON has it: pure."""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .provider_schema import Block, argument_name, attributes, blocks

# Of Pulumi's provider alone: version 6 of Terraform's, on which it stands, lets each resource have a region.
_NOT_COMPARED = frozenset({"region"})


class Translation:
    """Collects what the provider's schema has no word for."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        """`aws_sqs_queue.jobs.fifoThroughput`, …"""

    def body(self, block: Block, inputs: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The arguments of one resource, or of one block inside of one."""
        return dict(self._arguments(block, inputs, where))

    def _arguments(self, block: Block, inputs: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
        for key, value in inputs.items():
            if value is None or key.startswith("__") or key in _NOT_COMPARED:
                continue
            name = argument_name(key, block)
            if name is None:
                self.unknown.append(f"{where}.{key}")
            elif name in blocks(block):
                inner = blocks(block)[name]["block"]
                parts = value if isinstance(value, list) else [value]
                yield name, [self.body(inner, part or {}, f"{where}.{name}") for part in parts]
            else:
                yield name, self._attribute(attributes(block)[name].get("type"), value, f"{where}.{name}")

    def _attribute(self, kind: Any, value: Any, where: str) -> Any:
        """Pulumi takes a single thing where Terraform has a list of at most one, and the names inside are its own."""
        match kind:
            case ["list" | "set", inner]:
                parts = value if isinstance(value, list) else [value]
                return [self._attribute(inner, part, where) for part in parts]
            case ["object", fields] if isinstance(value, dict):
                inner = {"attributes": {name: {"type": field} for name, field in fields.items()}}
                return {**dict.fromkeys(fields), **self.body(inner, value, where)}
            case _:
                return _plain(value)


def _zipped(assets: Mapping[str, Any]) -> Path:
    """An archive that Pulumi would make, as the file that Terraform wants."""
    archive = Path(tempfile.gettempdir()) / f"moorage-conformance-{hash(tuple(assets)) & 0xFFFFFFFF:x}.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, asset in assets.items():
            file.write(asset["path"], name)
    return archive


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and "assets" in value:
        return str(_zipped(value["assets"]))
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    # Pulumi's numbers are floating ones.
    return int(value) if isinstance(value, float) and value.is_integer() else value
