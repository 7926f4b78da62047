"""What two wordings of a question must have in common, whatever an embedding model says.

Models of this kind see neither order nor negation nor numbers well: with wordllama 0.4, "dog bites man" and "man bites
dog" have similarity 1.000, "Is it safe to take aspirin daily?" and "Is it not safe to ..." 0.978. So everything but
fillers has to be the same, in the same order; the model then judges what the fillers change.
"""

from __future__ import annotations

import hashlib
import re

TOKEN = re.compile(r"[^\W_]+|[^\w\s]")
# A contraction is what it stands for: "what's" asks "what is", "don't" says "do not".
CONTRACTED = re.compile(r"\b(what|who|where|when|how|which|that|there|it)['\u2019]s\b")
NEGATED = re.compile(r"\b(ca|wo|sha)?n['\u2019]t\b|n['\u2019]t\b|\bcannot\b")
# English words without which a question is still the same question. No negation, number, comparison, tense, person or
# preposition that could turn it round is among them. Words of other languages all count.
FILLERS = frozenset(
    {
        *("a", "an", "the", "is", "are", "s", "do", "does", "please", "kindly", "thanks", "hi", "hello", "hey"),
        *("can", "could", "would", "will", "you", "me", "us", "tell", "explain", "of"),
    }
)
PUNCTUATION = frozenset(".,;:!?'\"\u2019\u2018\u201c\u201d\u00bf\u00a1")


def signature(question: str) -> bytes:
    """Equal for wordings that may be the same question."""
    kept = [word for word in words(question) if word not in FILLERS]
    return hashlib.sha256("\0".join(kept).encode()).digest()


def words(question: str) -> list[str]:
    """What is compared: without case and punctuation, which move a model's vectors more than they move the meaning."""
    text = CONTRACTED.sub(r"\1 is", NEGATED.sub(" not ", question.casefold()))
    return [token for token in TOKEN.findall(text) if token not in PUNCTUATION]
