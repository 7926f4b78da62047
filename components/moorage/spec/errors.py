"""How a specification that cannot be served is reported: everything that is wrong with it, at once."""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong: the path of its key, such as `model.max_model_len`, and what is allowed there.

    The key is empty for what no single key is to blame for.
    """

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}{self.message}".removeprefix(": ")


class SpecError(ValueError):
    """A readable list of all problems, one a line; `problems` holds them one by one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
