"""A worker's connections, from what its environment says."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from moorage_serving.jobs.claims import Claims
from moorage_serving.jobs.engine import Engine
from moorage_serving.jobs.runner import JobRunner
from moorage_serving.jobs.sqs import SqsQueue
from moorage_serving.jobs.store import JobStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from moorage_serving.jobs.metrics import JobMetrics
    from moorage_serving.jobs.place import Place

_CONNECT_SECONDS = 10
KEEP_ALIVE_SECONDS = 60
"""A connection on which a long job is awaited is silent until its answer. A NAT gateway, which is between workers and a
public balancer, forgets it after 350 seconds unless TCP says that it is there (docs.aws.amazon.com/vpc/latest/
userguide/nat-gateway-troubleshooting.html, a copy, read 2026-11-26)."""


@dataclass(frozen=True)
class Services:
    """The three of them, connected."""

    queue: SqsQueue
    claims: Claims
    store: JobStore


@asynccontextmanager
async def connect(place: Place, connections: int = 10, session: AioSession | None = None) -> AsyncIterator[Services]:
    """By the SDK's standard chain of credentials and settings.

    Args:
        place: The queue, the bucket and the table.
        connections: To each service at once.
        session: Of the SDK. Default: a new one.
    """
    session = session or AioSession()
    config = AioConfig(max_pool_connections=connections, connect_timeout=_CONNECT_SECONDS)
    async with AsyncExitStack() as stack:
        sqs, s3, dynamodb = [
            await stack.enter_async_context(session.create_client(service, config=config))  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
            for service in ("sqs", "s3", "dynamodb")
        ]
        yield Services(
            SqsQueue(sqs, place.queue_url, place.visibility_seconds),
            Claims(dynamodb, place.table, place.visibility_seconds, place.record_days),
            JobStore(s3, place.bucket),
        )


@asynccontextmanager
async def job_runner(
    services: Services,
    endpoint: str,
    api_key: str | None,
    job_seconds: float,
    metrics: JobMetrics,
    retry_seconds: float,
) -> AsyncIterator[JobRunner]:
    """One that asks the endpoint, and waits for an answer as long as a job may take."""
    timeout = aiohttp.ClientTimeout(total=job_seconds, connect=_CONNECT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=open_connector()) as session:
        engine = Engine(session, endpoint, api_key)
        yield JobRunner(services.queue, services.claims, services.store, engine, metrics, retry_seconds)


def open_connector() -> aiohttp.TCPConnector:
    """To the endpoint. Must be called in a running event loop."""
    return aiohttp.TCPConnector(limit=0, socket_factory=_kept_alive)


def _kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        made.setsockopt(socket.IPPROTO_TCP, option, KEEP_ALIVE_SECONDS)
    return made
