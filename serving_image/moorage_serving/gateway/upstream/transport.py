"""What engines are spoken to through, whatever their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig, SageMakerUpstreamConfig
from moorage_serving.gateway.upstream.openai_http import OpenAIHttpTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import AnyUpstreamConfig


class EngineAnswer(Protocol):
    """An answer on its way. `read` gives what has come since, and nothing at the end; it raises READ_ERRORS."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]: ...

    @property
    def read(self) -> Callable[[], Awaitable[bytes]]: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """One engine and the connections to it."""

    @property
    def busy_connections(self) -> int: ...

    @property
    def idle_connections(self) -> int: ...

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> EngineAnswer:
        """Raises ConnectError where nothing has reached the engine, BrokenError where it broke off."""
        ...

    async def probe(self, timeout_seconds: float) -> str | None:
        """None when the engine is well, else what is wrong."""
        ...

    async def close(self) -> None: ...


def open_transport(config: AnyUpstreamConfig, timeouts: Timeouts, only_address: str | None = None) -> Transport:
    """The transport of an upstream's kind. The clouds' libraries are imported only where they are needed.

    `only_address`: the one IP address, out of those behind the host name, to connect to (kind openai-http).
    """
    if isinstance(config, OpenAIHttpUpstreamConfig):
        return OpenAIHttpTransport(config, timeouts, only_address)
    if isinstance(config, SageMakerUpstreamConfig):
        from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport

        return SageMakerTransport.from_config(config, timeouts)
    from moorage_serving.gateway.upstream.vertex import VertexTransport

    return VertexTransport.from_config(config, timeouts)
