"""How many tokens are reserved for a request, before anybody knows how many it needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.quota.estimate import tokens_to_reserve

CHAT: dict[str, object] = {"messages": []}


@pytest.mark.parametrize(
    ("document", "body_bytes", "expected"),
    [
        (CHAT, 400, 100 + 512),
        (CHAT, 401, 101 + 512),
        (CHAT | {"max_tokens": 10}, 400, 110),
        (CHAT | {"max_tokens": 10, "max_completion_tokens": 20}, 400, 120),
        (CHAT | {"max_tokens": 10, "n": 3}, 400, 130),
        ({"prompt": "", "max_tokens": 7}, 4, 8),
        ({"input": "an embedding"}, 400, 100),
        (CHAT | {"max_tokens": True, "n": False}, 0, 512),
        (CHAT | {"max_tokens": "ten", "n": -1}, 0, 512),
        (CHAT | {"max_tokens": 10**30}, 0, 512),
        (CHAT | {"max_tokens": 10**9, "n": 10**9}, 0, 2**30),
    ],
)
def test_the_prompt_counts_by_its_bytes_and_every_answer_by_what_it_may_have(
    document: dict[str, object], body_bytes: int, expected: int
) -> None:
    assert tokens_to_reserve(document, body_bytes, 512) == expected


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from(["messages", "max_tokens", "max_completion_tokens", "n"]), json_values))
def test_whatever_a_client_writes_is_a_number_that_can_be_counted(document: dict[str, object]) -> None:
    assert 0 <= tokens_to_reserve(document, 100, 512) <= 2**30
