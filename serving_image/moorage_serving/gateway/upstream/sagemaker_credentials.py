"""Credentials of the AWS SDK's standard chain: environment, web identity (IRSA), files, container, instance."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from moorage_serving.gateway.upstream.openai_http import ConnectError

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from botocore.credentials import ReadOnlyCredentials

# RuntimeError: the SDK's own, for credentials that are expired when they come.
RETRIEVAL_ERRORS = (BotoCoreError, ClientError, aiohttp.ClientError, OSError, RuntimeError)
# Refused credentials are looked up again at most this often.
SEARCH_INTERVAL_SECONDS = 10.0


class AwsCredentials:
    """The credentials in use.

    Temporary ones are fetched anew by the SDK, from 15 minutes before they expire on: by one request at a time, while
    the others go on with the old ones. Others are read once, and again when they have been refused.
    """

    def __init__(self) -> None:
        self._found: AioCredentials | None = None
        self._searching = asyncio.Lock()
        self._searched_at = float("-inf")

    async def current(self) -> ReadOnlyCredentials:
        """Raises ConnectError when there are none."""
        try:
            found = self._found or await self._search(None)
            return await found.get_frozen_credentials()
        except RETRIEVAL_ERRORS as error:
            raise ConnectError(f"AWS credentials: {type(error).__name__}") from error

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
            self._found = found
            return found
