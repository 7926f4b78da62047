"""The endpoint that jobs are sent to: a gateway, or an engine itself."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

RETRY_SECONDS = 30.0
"""Before the second try, where nobody says otherwise."""
_LONGEST_DELAY_SECONDS = 900.0
# What a client may well send again unchanged; any other 4xx says that the request itself is wrong.
_WORTH_ANOTHER_TRY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY)
_FULL_OR_SHUT = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
# A worker's key or address is wrong, not the job: whoever mends that does not want the jobs failed.
_OURS_TO_MEND = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class TryLaterError(Exception):
    """There was no answer that is the job's."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class NotNowError(TryLaterError):
    """Nobody has begun on the job, whatever it asks: the endpoint is full, shut, or out of reach."""


@dataclass(frozen=True)
class Answer:
    """Of which the job is done, well or not."""

    status: int
    body: Any

    @property
    def succeeded(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


class Engine:
    """An OpenAI API."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, api_key: str | None) -> None:
        """`base_url`: without `/v1`."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if api_key is not None:
            self._headers["authorization"] = f"Bearer {api_key}"

    async def ask(self, path: str, body: bytes, request_id: str) -> Answer:
        """Raises TryLaterError, of which NotNowError where another job would fare no better."""
        headers = {**self._headers, "x-request-id": request_id}
        try:
            async with self._session.post(self._base_url + path, data=body, headers=headers) as response:
                content = await response.read()
                retry_after = response.headers.get("retry-after", "")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotNowError(type(error).__name__) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TryLaterError(type(error).__name__) from error
        retry_after_seconds = float(retry_after) if retry_after.isdecimal() else None
        if response.status in (*_FULL_OR_SHUT, *_OURS_TO_MEND):
            raise NotNowError(f"HTTP {response.status}", retry_after_seconds)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _WORTH_ANOTHER_TRY:
            raise TryLaterError(f"HTTP {response.status}", retry_after_seconds)
        return Answer(response.status, _document(content))


def delay_seconds(first_seconds: float, tries: int, retry_after_seconds: float | None) -> int:
    """Twice as long each time, to 15 minutes, and not when others do; no sooner than the engine says."""
    longest = min(first_seconds * 2 ** min(tries - 1, 20), _LONGEST_DELAY_SECONDS)
    drawn = random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing
    return min(math.ceil(max(drawn, retry_after_seconds or 0)), int(_LONGEST_DELAY_SECONDS))


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
