"""A stack's file has some of a component's arguments under other names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from moorage.spec import Problem, SpecError


@contextmanager
def as_in_the_file(keys: Mapping[str, str]) -> Iterator[None]:
    """Raises what it sees of `moorage.spec.SpecError` with the file's keys; `keys` has them by an argument's name."""
    try:
        yield
    except SpecError as error:
        problems = [(problem.key.partition("."), problem.message) for problem in error.problems]
        raise SpecError(
            Problem(f"{keys.get(group, group)}{dot}{rest}", message) for (group, dot, rest), message in problems
        ) from None
