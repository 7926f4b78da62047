"""What a configuration asks for beside engines: Redis and what counts in it, the response cache, the request log."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from moorage_serving.gateway.cache.metrics import CacheMetrics
from moorage_serving.gateway.cache.response_cache import ResponseCache
from moorage_serving.gateway.ledger import Ledger, LedgerMetrics
from moorage_serving.gateway.quota.metrics import QuotaMetrics
from moorage_serving.gateway.quota.quotas import Quotas
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics
from moorage_serving.gateway.request_log.key_ring import parse_key_ring
from moorage_serving.gateway.request_log.metrics import RequestLogMetrics
from moorage_serving.gateway.request_log.pattern_redactor import PatternRedactor
from moorage_serving.gateway.request_log.request_log import RequestLog
from moorage_serving.gateway.request_log.sink import FolderSink

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.cache.semantic import SemanticIndex
    from moorage_serving.gateway.config.cache import CacheConfig, SemanticCacheConfig
    from moorage_serving.gateway.config.gateway import GatewayConfig
    from moorage_serving.gateway.config.serving import RequestLogConfig, TelemetryConfig
    from moorage_serving.gateway.telemetry.telemetry import Telemetry


class ServiceMetrics:
    """One set for the life of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.redis = RedisMetrics(registry)
        self.ledger = LedgerMetrics(registry)
        self.quota = QuotaMetrics(registry)
        self.cache = CacheMetrics(registry)
        self.request_log = RequestLogMetrics(registry)


class Services:
    """Those of one configuration. What did not change is taken over from the one before. Made in the event loop."""

    def __init__(
        self, config: GatewayConfig, metrics: ServiceMetrics, workers: int, before: Services | None = None
    ) -> None:
        self.config = config
        same = unchanged(before, config, "redis_url")
        self.redis = same.redis if same else open_redis(config.redis_url, metrics.redis)
        self.ledger = same.ledger if same else open_ledger(self.redis, metrics.ledger)
        self.quotas = same.quotas if same else Quotas(self.redis, metrics.quota)
        self.quotas.configure(gateway_replicas=config.quotas.gateway_replicas, workers=workers)
        same = unchanged(before, config, "redis_url", "cache")
        self.cache = same.cache if same else open_cache(config.cache, self.redis, metrics.cache)
        same = unchanged(before, config, "request_log")
        self.request_log = same.request_log if same else open_request_log(config.request_log, metrics.request_log)
        same = unchanged(before, config, "telemetry")
        self.telemetry = same.telemetry if same else open_telemetry(config.telemetry, metrics.registry)

    async def end_answers(self) -> None:
        """End those that only other processes still read: engines are asked for them here, without a request."""
        if self.cache is not None:
            await self.cache.end_answers()

    async def close(self, successor: Services | None = None) -> None:
        """Close what the successor has not taken over. No request may be using it."""
        kept: tuple[object, ...] = ()
        if successor is not None:
            kept = (successor.cache, successor.request_log, successor.telemetry, successor.quotas)
        if self.cache is not None and self.cache not in kept:
            await self.cache.close()
        if self.request_log is not None and self.request_log not in kept:
            await asyncio.to_thread(self.request_log.close)
        if self.telemetry is not None and self.telemetry not in kept:
            await self.telemetry.close()
        if self.quotas not in kept:
            await self.quotas.close()
            if self.ledger is not None:
                await self.ledger.close()
            if self.redis is not None:
                await self.redis.close()


def unchanged(before: Services | None, config: GatewayConfig, *parts: str) -> Services | None:
    """The services of the configuration before, where these parts of it are the same now."""
    if before is None or any(getattr(before.config, part) != getattr(config, part) for part in parts):
        return None
    return before


def open_redis(url: str | None, metrics: RedisMetrics) -> RedisLink | None:
    """The connection that a configuration asks for."""
    return None if url is None else RedisLink(url, metrics)


def open_ledger(redis: RedisLink | None, metrics: LedgerMetrics) -> Ledger | None:
    """Usage per key is written wherever there is a Redis."""
    return None if redis is None else Ledger(redis, metrics)


def open_cache(config: CacheConfig | None, redis: RedisLink | None, metrics: CacheMetrics) -> ResponseCache | None:
    """The cache that a configuration asks for."""
    if config is None or redis is None:
        return None
    return ResponseCache(config, redis, metrics, open_semantic_index(config.semantic))


def open_request_log(config: RequestLogConfig | None, metrics: RequestLogMetrics) -> RequestLog | None:
    """The request log that a configuration asks for."""
    if config is None:
        return None
    return RequestLog(
        sink=FolderSink(Path(config.folder)),
        key_ring=parse_key_ring(os.environ[config.key_environment_variable]),
        redactor=PatternRedactor(),
        tenants=config.tenants,
        sample_ratio=config.sample_ratio,
        retention_days=config.retention_days,
        metrics=metrics,
    )


def open_telemetry(config: TelemetryConfig | None, registry: CollectorRegistry) -> Telemetry | None:
    """Imports OpenTelemetry's SDK only where it is needed."""
    if config is None:
        return None
    from moorage_serving.gateway.telemetry.telemetry import Telemetry

    return Telemetry(registry, otlp_endpoint=config.otlp_endpoint, trace_sample_ratio=config.trace_sample_ratio)


def open_semantic_index(config: SemanticCacheConfig | None) -> SemanticIndex | None:
    """Imports the embedding library only where it is needed: it takes 100 MB."""
    if config is None:
        return None
    from moorage_serving.gateway.cache.embedding import WordLlamaModel
    from moorage_serving.gateway.cache.semantic import SemanticIndex

    folder = None if config.model_folder is None else Path(config.model_folder)
    return SemanticIndex(WordLlamaModel(folder), config.min_similarity)
