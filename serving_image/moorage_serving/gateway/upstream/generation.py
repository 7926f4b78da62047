"""Everything that one configuration means at run time. A reload makes a new one beside the old one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.authentication import KeyRing
from moorage_serving.gateway.errors import model_not_found
from moorage_serving.gateway.upstream.openai_http import OpenAIHttpUpstream

if TYPE_CHECKING:
    from moorage_serving.gateway.config.file import LoadedConfig


class Generation:
    """Keys and engines of one configuration, and how many requests still use them.

    Engines whose configuration did not change are taken over from the generation before, with their open connections
    and counts. The others close when the last request of the last generation that knows them has ended.
    """

    def __init__(self, loaded: LoadedConfig, before: Generation | None = None) -> None:
        self.loaded = loaded
        self.config = loaded.config
        self.created_at_unix_seconds = int(time.time())
        self.keys = KeyRing(self.config)
        reusable = {upstream.config: upstream for upstream in before.upstreams} if before else {}
        if before and before.config.timeouts != self.config.timeouts:
            reusable = {}
        self.upstreams = [
            reusable.get(config) or OpenAIHttpUpstream(config, self.config.timeouts) for config in self.config.upstreams
        ]
        self.requests = 0
        self._by_model: dict[str, list[OpenAIHttpUpstream]] = {}
        for upstream in self.upstreams:
            upstream.generations += 1
            self._by_model.setdefault(upstream.config.model, []).append(upstream)
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def models(self) -> list[str]:
        """Names that clients can ask for, in the configuration's order."""
        return list(self._by_model)

    def serving(self, model: str) -> list[OpenAIHttpUpstream]:
        """The engines that serve `model`, in the order in which to try them; raises GatewayError (404) for none."""
        try:
            return self._by_model[model]
        except KeyError:
            raise model_not_found(self.models) from None

    def enter(self) -> None:
        """A request begins to use this generation."""
        self.requests += 1
        self._unused.clear()

    def leave(self) -> None:
        """A request has ended."""
        self.requests -= 1
        if not self.requests:
            self._unused.set()

    async def retire(self) -> None:
        """Wait for the last request, then close every engine that no other generation uses."""
        await self._unused.wait()
        for upstream in self.upstreams:
            upstream.generations -= 1
            if not upstream.generations:
                await upstream.close()
