"""Which requests the cache may answer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.cache.directives import Directives

EMBEDDINGS_PATH = "/v1/embeddings"


class Bypass(StrEnum):
    """Why a request goes past the cache."""

    NO_STORE = "no-store"
    UNREADABLE_CACHE_CONTROL = "unreadable-cache-control"
    NOT_DETERMINISTIC = "not-deterministic"
    AMBIGUOUS_BODY = "ambiguous-body"
    FRESHNESS = "freshness"


def judge(
    path: str, document: Mapping[str, object], directives: Directives, *, nondeterministic: bool
) -> Bypass | None:
    """None: the cache may answer. `nondeterministic` lets sampled answers in too."""
    if not directives.readable:
        return Bypass.UNREADABLE_CACHE_CONTROL
    if directives.no_store:
        return Bypass.NO_STORE
    if nondeterministic or path == EMBEDDINGS_PATH or is_deterministic(document):
        return None
    return Bypass.NOT_DETERMINISTIC


def is_deterministic(document: Mapping[str, object]) -> bool:
    """Temperature 0 or seeded. Without a temperature engines sample."""
    temperature, seed = document.get("temperature"), document.get("seed")
    return seed is not None or (isinstance(temperature, int | float) and temperature == 0)


def expected_choices(path: str, document: Mapping[str, object]) -> int:
    """How many choices a complete answer has: `n` for each prompt; an answer of embeddings has none."""
    if path == EMBEDDINGS_PATH:
        return 0
    wanted = document.get("n")
    per_prompt = wanted if isinstance(wanted, int) else 1
    prompt = document.get("prompt")
    is_several = isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], str | list)
    return per_prompt * (len(prompt) if is_several else 1)  # pyright: ignore[reportArgumentType] - is a list
