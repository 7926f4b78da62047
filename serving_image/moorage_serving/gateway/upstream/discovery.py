"""Finds the addresses behind a host name."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Resolve = Callable[[str, int], Awaitable[list[str]]]

# Kubernetes' DNS gives answers a lifetime of 5 seconds (CoreDNS, plugin kubernetes: `ttl`, default 5).
RESOLVE_SECONDS = 5.0


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, sorted. Raises OSError where there are none.

    The system's resolver, in a thread: it alone knows /etc/hosts, search domains and what else a node is set up for.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host}: no host can have this name") from error
    return sorted({str(address[0]) for *_, address in found})


def host_and_port(address: str) -> tuple[str, int]:
    """Of an upstream's address. Raises ValueError for an address without a host."""
    url = URL(address)
    if url.host is None or url.port is None:
        raise ValueError(f"{address}: no host name to look up")
    return url.host, url.port


class OneAddress(AbstractResolver):
    """Has the same answer for every host, so that a connection goes to one endpoint and still names the host.

    Certificates and virtual hosts are checked against the name, as if there were one endpoint only.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        version = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=self._address, port=port, family=version, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""
