"""Which builder makes which cell of the table cloud by option."""

from collections.abc import Callable, Mapping

from local import build_local_always_on, build_local_serverless
from moorage.spec import Problem, SpecError
from outputs import StackOutputs
from settings import Settings

BUILDERS: Mapping[tuple[str, str], Callable[[Settings], StackOutputs]] = {
    ("local", "always-on"): build_local_always_on,
    ("local", "serverless"): build_local_serverless,
}


def build(settings: Settings) -> StackOutputs:
    """Raises `SpecError` for a combination that does not exist, with those that do."""
    chosen = (settings.configuration.cloud, settings.configuration.option)
    builder = BUILDERS.get(chosen)
    if builder is None:
        possible = ", ".join(f"{cloud} with {option}" for cloud, option in BUILDERS)
        raise SpecError([Problem("cloud", f" = {chosen[0]} with option = {chosen[1]}: possible is {possible}")])
    return builder(settings)
