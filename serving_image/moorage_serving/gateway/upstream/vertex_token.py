"""OAuth access tokens of Google's application default credentials, renewed ahead of time.

google-auth knows the kinds of credentials (service account, workload identity federation, metadata server, user). Its
calls block, so they run in a thread, once per token's life.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC
from typing import TYPE_CHECKING, cast

import google.auth
import requests
from google.auth.credentials import with_scopes_if_required
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from moorage_serving.gateway.upstream.connections import ConnectError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# The metadata server hands out the same token until 4 minutes before its end; google-auth's own threshold is 3:45.
RENEWAL_SECONDS = 225.0
# After a failure, and after a token was refused: not sooner again.
RETRY_SECONDS = 5.0


class AccessToken:
    """The token in use. It is renewed beside the requests that still use it; only without one do requests wait."""

    def __init__(self) -> None:
        self._credentials: Credentials | None = None
        self._token = ""
        self._renew_at = self._expires_at = 0.0  # Unix time
        self._renewal: asyncio.Task[None] | None = None
        self._renewal_allowed_at = 0.0  # monotonic

    async def current(self) -> str:
        """A token that has not expired. Raises ConnectError when there is none to be had."""
        now = time.time()
        if now >= self._expires_at:
            await self._renewed()
        elif now >= self._renew_at and time.monotonic() >= self._renewal_allowed_at:
            self._begin_renewal()
        return self._token

    async def renewed(self, refused: str) -> str | None:
        """Another token than the one refused, None if there is no other. Raises ConnectError."""
        if self._token == refused and (self._is_renewing or time.monotonic() >= self._renewal_allowed_at):
            await self._renewed()
        return None if self._token == refused else self._token

    async def close(self) -> None:
        """Forget a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait((self._renewal,))

    @property
    def _is_renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def _renewed(self) -> None:
        # Shielded: others may be waiting for it too when this request's client leaves.
        renewal = self._begin_renewal()
        await asyncio.shield(renewal)

    def _begin_renewal(self) -> asyncio.Task[None]:
        if self._renewal is None or not self._is_renewing:
            self._renewal = asyncio.create_task(self._renew())
            # A failure with nobody waiting is not lost: the next request without a token meets it again.
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewal

    async def _renew(self) -> None:
        self._renewal_allowed_at = time.monotonic() + RETRY_SECONDS
        try:
            credentials = await asyncio.to_thread(self._refreshed)
        except (GoogleAuthError, OSError, ValueError) as error:
            # The file with the key may have been replaced. Not the message: it can hold the token server's answer.
            self._credentials = None
            raise ConnectError(f"Google credentials: {type(error).__name__}") from error
        self._token = credentials.token or ""
        # google-auth's expiry is in UTC, without saying so; None is never.
        expiry = credentials.expiry
        self._expires_at = expiry.replace(tzinfo=UTC).timestamp() if expiry else float("inf")
        self._renew_at = self._expires_at - RENEWAL_SECONDS

    def _refreshed(self) -> Credentials:
        """Blocks."""
        with requests.Session() as session:
            request = Request(session)
            credentials = self._credentials or find_credentials(request)
            credentials.refresh(request)
            self._credentials = credentials
            return credentials


def find_credentials(request: Request) -> Credentials:
    """Application default credentials. Blocks; raises GoogleAuthError.

    Scopes come second: with them, google-auth looks up the project of a workload identity in another API, whose
    answer is not used here, and which the account may not be allowed to ask.
    """
    found, _ = google.auth.default(request=request)
    return cast("Credentials", with_scopes_if_required(found, SCOPES))
