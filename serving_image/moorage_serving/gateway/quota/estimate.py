"""Guesses how many tokens a request will need. Pure and cheap: nothing is tokenised."""

from __future__ import annotations

# English text has about four bytes per token in the vocabularies of current models.
# https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them
PROMPT_BYTES_PER_TOKEN = 4
# More than any engine answers. Redis' scripts count exactly up to 10^14 (a number becomes text with 14 digits).
MAX_TOKENS = 2**30


def tokens_to_reserve(document: dict[str, object], body_bytes: int, default_completion_tokens: int) -> int:
    """The body's bytes / 4 for the prompt, and what each of `n` answers may have.

    That is `max_completion_tokens`, or `max_tokens`, or the default; an embedding has no answer to count. A value that
    makes no sense counts as absent: the engine will refuse the request. At most 2^30.
    """
    prompt_tokens = estimated_prompt_tokens(body_bytes)
    if "messages" not in document and "prompt" not in document:
        return prompt_tokens
    completion_tokens = (
        positive(document.get("max_completion_tokens"))
        or positive(document.get("max_tokens"))
        or default_completion_tokens
    )
    return min(prompt_tokens + completion_tokens * (positive(document.get("n")) or 1), MAX_TOKENS)


def estimated_prompt_tokens(body_bytes: int) -> int:
    """The body's bytes / 4, rounded up."""
    return -(-body_bytes // PROMPT_BYTES_PER_TOKEN)


def positive(value: object) -> int | None:
    """A whole number above zero that Redis can count with, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**40 else None
