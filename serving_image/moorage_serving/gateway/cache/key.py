"""What makes two requests the same request."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import orjson

from moorage_serving.gateway.request_body import FORCED_STREAM_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.request_body import InferenceRequest

# Raised whenever the meaning of a part or the canonical form changes: old entries are then never found again.
KEY_VERSION = b"1"
# Fields that no engine lets change an answer, and why. Every other field is part of the key, known or not.
FIELDS_WITHOUT_EFFECT = {
    "user": "names the end user for abuse reports",
    "safety_identifier": "the successor of `user`",
    "metadata": "labels of the caller's own",
    "store": "whether OpenAI keeps the answer for its dashboards",
    "prompt_cache_key": "chooses where a prefix may be cached already",
    "priority": "the order in the engine's queue",
}
# Parts of the key in their own right.
FIELDS_OF_OTHER_PARTS = {"model", "stream"}
LEFT_OUT = frozenset(FIELDS_WITHOUT_EFFECT) | FIELDS_OF_OTHER_PARTS
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


class AmbiguousBodyError(Exception):
    """The engine may read something else out of the body than the gateway did."""


class Scope(NamedTuple):
    """Whose answers, and of which weights: what is invalidated together."""

    tenant: str
    revision: str


@lru_cache(maxsize=1024)
def tenant_prefix(tenant: str) -> str:
    """What all Redis keys of a tenant begin with. The braces keep them on one node of a Redis Cluster."""
    return f"moorage:cache:v1:{{{quote(tenant, safe='')}}}:"


@lru_cache(maxsize=1024)
def revision_prefix(revision: str) -> str:
    """What the rest of such a key begins with. Quoted, so that no revision is the beginning of another."""
    return f"{quote(revision, safe='')}:"


def request_digest(scope: Scope, path: str, request: InferenceRequest) -> bytes:
    """SHA-256 over everything that can change the answer. Raises AmbiguousBodyError."""
    check_unambiguous(request.body, request.document)
    return digest(*_place(scope, path, request), canonical_json(request.document))


def fingerprint(scope: Scope, path: str, request: InferenceRequest, document: Mapping[str, object]) -> bytes:
    """The same over `document` in place of the request's own; never equal to any request's digest."""
    return digest(b"fingerprint", *_place(scope, path, request), canonical_json(document))


def _place(scope: Scope, path: str, request: InferenceRequest) -> tuple[bytes, ...]:
    """The name that was asked for is the model's or an adapter's."""
    mode = b"document" if not request.stream else b"stream" if request.strips_usage else b"stream with usage"
    return (KEY_VERSION, scope.tenant.encode(), scope.revision.encode(), request.model.encode(), path.encode(), mode)


def digest(*parts: bytes) -> bytes:
    """SHA-256 over parts, each with its length before it: no two lists of parts are the same bytes."""
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(len(part).to_bytes(8, "big"))
        sha256.update(part)
    return sha256.digest()


def canonical_json(document: Mapping[str, object]) -> bytes:
    """One text for each meaning: sorted names, and 1, 1.0 and true stay apart."""
    if not LEFT_OUT.isdisjoint(document):
        document = {name: value for name, value in document.items() if name not in LEFT_OUT}
    # Numbers are finite and fit: orjson refuses to read others.
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def check_unambiguous(body: bytes, document: Mapping[str, object]) -> None:
    """Raises AmbiguousBodyError when `document` is not all that `body` says.

    Parsers differ about a name that is given twice and about numbers that do not fit: the engine would answer another
    question than the key stands for. What clients usually send, the compact form, is recognised without another parse.
    """
    try:
        compact = orjson.dumps(document)
    except orjson.JSONEncodeError:  # nested deeper than it writes, which is less deep than it reads
        raise AmbiguousBodyError from None
    if body == compact or (
        body.endswith(FORCED_STREAM_OPTIONS) and body[: -len(FORCED_STREAM_OPTIONS)] == compact[:-1]
    ):
        return
    try:
        json.loads(body, object_pairs_hook=_unique, parse_int=_exact_integer)
    except (ValueError, RecursionError):
        # Not chained: the parser's message can carry the text of the body.
        raise AmbiguousBodyError from None


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise AmbiguousBodyError


def _exact_integer(text: str) -> None:
    if not SMALLEST_INTEGER <= int(text) <= LARGEST_INTEGER:
        raise AmbiguousBodyError
