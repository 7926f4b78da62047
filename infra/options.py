"""Which builder makes which cell of the table cloud by option."""

import importlib
from collections.abc import Callable, Mapping

from moorage.spec import Problem, SpecError
from outputs import StackOutputs
from settings import Settings

Builder = Callable[[Settings], StackOutputs]


def _of(module: str, function: str) -> Builder:
    """Imported when it is called: a stack on one cloud needs no other's SDK."""
    return lambda settings: getattr(importlib.import_module(module), function)(settings)


BUILDERS: Mapping[tuple[str, str], Builder] = {
    ("local", "always-on"): _of("local", "build_local_always_on"),
    ("local", "serverless"): _of("local", "build_local_serverless"),
    ("kubernetes", "always-on"): _of("kubernetes", "build_kubernetes"),
    ("kubernetes", "serverless"): _of("kubernetes", "build_kubernetes"),
}


def build(settings: Settings) -> StackOutputs:
    """Raises `SpecError` for a combination that does not exist, with those that do."""
    chosen = (settings.configuration.cloud, settings.configuration.option)
    builder = BUILDERS.get(chosen)
    if builder is None:
        possible = ", ".join(f"{cloud} with {option}" for cloud, option in BUILDERS)
        raise SpecError([Problem("cloud", f" = {chosen[0]} with option = {chosen[1]}: possible is {possible}")])
    return builder(settings)
