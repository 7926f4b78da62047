"""Keys of clients that AWS Secrets Manager holds and changes by itself."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from moorage_serving.gateway.errors import keys_unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.authentication import Identity

log = structlog.get_logger("keys")
# docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html (read 2026-11-25): a client may have the one
# before for a while, and gets the pending one the moment that it becomes the current one.
STAGES = ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING")
REFRESH_SECONDS = 300.0
"""After this long a key that was taken away is refused."""
LOOK_AGAIN_SECONDS = 2.0
"""Unknown keys are looked for at most this often, all that wait together: strangers cause no bill to speak of."""
_CALL_SECONDS = 5
_ERRORS = (BotoCoreError, ClientError, aiohttp.ClientError, OSError)


class RotatedKeys:
    """Every version of a secret that is in use, by its SHA-256. Made in the event loop."""

    def __init__(self, owners: Mapping[str, Identity]) -> None:
        """`owners`: whose key a secret holds, by the secret's ARN."""
        self._owners = owners
        self._identities: dict[bytes, Identity] = {}
        self._looked_at = float("-inf")
        self._was_read = False
        self._looking = asyncio.Lock()
        self._session = AioSession()
        self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    def get(self, digest: bytes) -> Identity | None:
        """Whose key this is the SHA-256 of, as far as it is known."""
        return self._identities.get(digest)

    async def expect(self, digest: bytes) -> None:
        """Look for a key that is not known yet. Raises GatewayError (503) while no secret could be read at all."""
        asked_at = time.monotonic()
        if digest in self._identities:
            return
        async with self._looking:
            if self._looked_at < asked_at and digest not in self._identities:
                await asyncio.sleep(self._looked_at + LOOK_AGAIN_SECONDS - time.monotonic())
                await self._look()
        if not self._was_read:
            raise keys_unavailable()

    async def close(self) -> None:
        """End the looking."""
        self._refreshing.cancel()
        await asyncio.wait((self._refreshing,))

    async def _refresh(self) -> None:
        while True:
            async with self._looking:
                await self._look()
            await asyncio.sleep(REFRESH_SECONDS if self._was_read else LOOK_AGAIN_SECONDS)

    async def _look(self) -> None:
        """Read all secrets. Where that fails, what was known stays known."""
        self._looked_at = time.monotonic()
        try:
            found = [await self._versions(arn) for arn in self._owners]
        except _ERRORS as error:
            log.warning("rotated_keys_unreadable", reason=type(error).__name__)
            return
        pairs = zip(self._owners.values(), found, strict=True)
        self._identities = {digest: owner for owner, digests in pairs for digest in digests}
        self._was_read = True

    async def _versions(self, arn: str) -> list[bytes]:
        settings = AioConfig(connect_timeout=_CALL_SECONDS, read_timeout=_CALL_SECONDS)
        region = arn.split(":")[3]
        async with self._session.create_client("secretsmanager", region_name=region, config=settings) as client:
            values = [await _value(client, arn, stage) for stage in STAGES]
        return [hashlib.sha256(value.encode()).digest() for value in values if value is not None]


async def _value(client: Any, arn: str, stage: str) -> str | None:
    """None where the secret has no such version."""
    with suppress(client.exceptions.ResourceNotFoundException):
        return (await client.get_secret_value(SecretId=arn, VersionStage=stage))["SecretString"]
    return None
