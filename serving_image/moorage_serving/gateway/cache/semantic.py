"""Finds the answer to another wording of the same question.

Two requests are compared when everything but the last user turn is equal, and what `wording` keeps of that turn too.
The questions of one such group are one item in Redis, newest first: the digest of each request and its vector.
"""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar, TypeVarTuple

import numpy as np

from moorage_serving.gateway.cache.key import digest, fingerprint
from moorage_serving.gateway.cache.wording import signature, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from moorage_serving.gateway.cache.embedding import EmbeddingModel
    from moorage_serving.gateway.cache.key import Scope
    from moorage_serving.gateway.request_body import InferenceRequest

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
CHAT_PATH = "/v1/chat/completions"
# The mean of more words than this says little about any of them.
MAX_QUESTION_CHARACTERS = 500
MAX_CANDIDATES = 32
DIGEST_BYTES = 32
CHECKSUM_BYTES = 4


class Candidate(NamedTuple):
    """A request that has an answer, and the vector of its question."""

    request_digest: bytes
    vector: NDArray[np.float32]


class Question(NamedTuple):
    """The last user turn as it is compared, and the name of the group that it is compared with."""

    text: str
    group: str


class SemanticIndex:
    """`min_similarity`: cosine from which two wordings count as one. Vectors are computed in a thread."""

    def __init__(self, model: EmbeddingModel, min_similarity: float) -> None:
        self._model = model
        self._min_similarity = min_similarity
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")

    def question(self, scope: Scope, path: str, request: InferenceRequest) -> Question | None:
        """What there is to compare of a request, if anything."""
        return question_of(scope, path, request)

    async def most_similar(self, stored: bytes, question: Question) -> bytes | None:
        """The digest of the request whose answer fits, out of a group as it was stored."""
        candidates = unpack(stored)
        return await self._run(self._choose, candidates, question.text) if candidates else None

    async def with_question(self, stored: bytes | None, question: Question, request_digest: bytes) -> bytes:
        """The group as it is to be stored, with this question as its newest."""
        vector = await self._run(self._model.embed, question.text)
        others = [each for each in unpack(stored or b"") if each.request_digest != request_digest]
        return pack([Candidate(request_digest, vector), *others][:MAX_CANDIDATES])

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _choose(self, candidates: list[Candidate], text: str) -> bytes | None:
        vector = self._model.embed(text)
        same_model = [each for each in candidates if each.vector.shape == vector.shape]
        if not same_model:
            return None
        similarities = np.stack([each.vector for each in same_model]) @ vector
        best = int(similarities.argmax())
        return same_model[best].request_digest if similarities[best] >= self._min_similarity else None


def question_of(scope: Scope, path: str, request: InferenceRequest) -> Question | None:
    """The request's last user turn, None where there is nothing to compare: no chat, no plain text, or too long."""
    messages = request.document.get("messages")
    if path != CHAT_PATH or not isinstance(messages, list) or not messages:
        return None
    last = messages[-1]
    text = last.get("content") if isinstance(last, dict) and last.get("role") == "user" else None
    if not isinstance(text, str) or not 0 < len(text) <= MAX_QUESTION_CHARACTERS:
        return None
    rest = {**request.document, "messages": [*messages[:-1], {**last, "content": None}]}
    group = digest(fingerprint(scope, path, request, rest), signature(text))
    return Question(" ".join(words(text)), f"similar-{group.hex()}")


def pack(candidates: list[Candidate]) -> bytes:
    """A group as it is stored: CRC-32, then each candidate's digest, the length of its vector, its vector."""
    records = [
        each.request_digest + len(each.vector).to_bytes(2, "big") + each.vector.astype("<f4").tobytes()
        for each in candidates
    ]
    packed = b"".join(records)
    return zlib.crc32(packed).to_bytes(CHECKSUM_BYTES, "big") + packed


def unpack(stored: bytes) -> list[Candidate]:
    """The group; empty where it is damaged."""
    packed = stored[CHECKSUM_BYTES:]
    if zlib.crc32(packed).to_bytes(CHECKSUM_BYTES, "big") != stored[:CHECKSUM_BYTES]:
        return []
    candidates: list[Candidate] = []
    position = 0
    while position < len(packed):
        vector_at = position + DIGEST_BYTES + 2
        length = int.from_bytes(packed[vector_at - 2 : vector_at], "big")
        vector = np.frombuffer(packed, dtype="<f4", count=length, offset=vector_at)
        candidates.append(Candidate(packed[position : position + DIGEST_BYTES], vector))
        position = vector_at + 4 * length
    return candidates
