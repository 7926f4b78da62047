"""What the cache will do for one request: decided once, from the request alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage_serving.gateway.cache.key import Scope
from moorage_serving.gateway.cache.store import ItemKey

if TYPE_CHECKING:
    from moorage_serving.gateway.cache.eligibility import Bypass
    from moorage_serving.gateway.cache.semantic import Question

NOWHERE = ItemKey(Scope("", ""), "")


@dataclass(frozen=True, slots=True)
class CachePlan:
    """Holds no text of the request, but for the question where wordings are compared.

    `bypass`: why the cache keeps out of it. `refreshes`: an engine is asked without a look into the cache, and its
    answer replaces the stored one; `forward` is then the Cache-Status.
    """

    bypass: Bypass | None
    forward: bytes = b""
    refreshes: bool = False
    digest: bytes = b""
    key: ItemKey = NOWHERE
    max_age_seconds: int | None = None
    expected_choices: int = 0
    question: Question | None = None
