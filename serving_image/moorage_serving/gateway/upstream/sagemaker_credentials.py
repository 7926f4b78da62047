"""Credentials of the AWS SDK's standard chain: environment, web identity (IRSA), files, container, instance."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from moorage_serving.gateway.upstream.connections import ConnectError

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from botocore.credentials import ReadOnlyCredentials

# RuntimeError: the SDK's own, for credentials that are expired when they come.
RETRIEVAL_ERRORS = (BotoCoreError, ClientError, aiohttp.ClientError, OSError, RuntimeError)
# The SDK's own (botocore.credentials.RefreshableCredentials): sources hand out others from about then on.
ADVISORY_SECONDS, MANDATORY_SECONDS = 15 * 60, 10 * 60
# Refused credentials are looked up again at most this often.
SEARCH_INTERVAL_SECONDS = 10.0


class AwsCredentials:
    """The credentials in use.

    Temporary ones are fetched anew beside the requests that still use them; only in the last 10 minutes of their life
    do requests wait. Others are read once, and again when they have been refused.
    """

    def __init__(self) -> None:
        self._found: AioCredentials | None = None
        self._held: ReadOnlyCredentials | None = None
        self._renewal: asyncio.Task[ReadOnlyCredentials] | None = None
        self._searching = asyncio.Lock()
        self._searched_at = float("-inf")

    async def current(self) -> ReadOnlyCredentials:
        """Raises ConnectError when there are none."""
        try:
            found = self._found or await self._search(None)
            if self._held is None or renewal_needed(found, MANDATORY_SECONDS):
                self._held = await found.get_frozen_credentials()
            elif renewal_needed(found, ADVISORY_SECONDS):
                self._renew(found)
        except RETRIEVAL_ERRORS as error:
            raise ConnectError(f"AWS credentials: {type(error).__name__}") from error
        return self._held

    async def renewed(self, refused: ReadOnlyCredentials) -> ReadOnlyCredentials | None:
        """Other credentials than those refused, if the chain has any by now. Raises ConnectError."""
        current = await self.current()
        if current == refused and time.monotonic() - self._searched_at >= SEARCH_INTERVAL_SECONDS:
            try:
                await self._search(self._found)
            except RETRIEVAL_ERRORS as error:
                raise ConnectError(f"AWS credentials: {type(error).__name__}") from error
            current = await self.current()
        return None if current == refused else current

    async def close(self) -> None:
        """Forget a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait((self._renewal,))

    def _renew(self, found: AioCredentials) -> None:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(found.get_frozen_credentials())
            self._renewal.add_done_callback(self._hold)

    def _hold(self, renewal: asyncio.Task[ReadOnlyCredentials]) -> None:
        # A failure is in the SDK's log, and comes again until requests have to wait for it.
        if not renewal.cancelled() and renewal.exception() is None:
            self._held = renewal.result()

    async def _search(self, known: AioCredentials | None) -> AioCredentials:
        """Go through the chain, unless another request has done so since the caller looked."""
        async with self._searching:
            if self._found is not None and self._found is not known:
                return self._found
            self._searched_at = time.monotonic()
            # A session of its own: the SDK reads the files of one only once.
            found = await AioSession().get_credentials()
            if found is None:
                raise ConnectError("AWS credentials: none found")
            self._found, self._held = found, None
            return found


def renewal_needed(found: AioCredentials, seconds_before_the_end: float) -> bool:
    """False for credentials that do not expire."""
    return isinstance(found, AioRefreshableCredentials) and found.refresh_needed(seconds_before_the_end)
