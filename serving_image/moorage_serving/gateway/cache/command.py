"""`cache`: what an operator does with the cache from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.cache.invalidation import Found, invalidate
from moorage_serving.gateway.config.file import ConfigError, load_config
from moorage_serving.gateway.config.source import ConfigFile
from moorage_serving.gateway.logs import LogLevel, configure_logging
from moorage_serving.gateway.redis_calls import RedisUnavailableError
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics

FAILED, INVALID_USE = 1, 2
command_line = typer.Typer(help="The response cache.", no_args_is_help=True)


@command_line.callback()
def cache() -> None:
    """The response cache."""


@command_line.command("invalidate")
def invalidate_answers(
    config: Annotated[Path, typer.Option(help="The gateway's configuration file: it names the Redis.")],
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's answers.")] = None,
    revision: Annotated[str | None, typer.Option(help="Only answers of this model revision.")] = None,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Delete them; without it they are counted only.")] = False,
) -> None:
    """Count, or delete, stored answers of a tenant, a revision or both."""
    configure_logging(LogLevel.ERROR)
    if tenant is None and revision is None:
        raise typer.BadParameter("give --tenant, --revision or both")
    try:
        redis_url = load_config(ConfigFile(config)).config.redis_url
        if redis_url is None:
            raise typer.BadParameter(f"{config} names no redis_url")
        found = asyncio.run(_invalidate(redis_url, tenant, revision, apply=apply))
    except ConfigError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(INVALID_USE) from None
    except RedisUnavailableError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(FAILED) from None
    done = "deleted" if apply else "found, nothing deleted (give --apply to delete)"
    typer.echo(f"{found.items} items, {found.bytes} bytes: {done}")


async def _invalidate(redis_url: str, tenant: str | None, revision: str | None, *, apply: bool) -> Found:
    redis = RedisLink(redis_url, RedisMetrics(CollectorRegistry()))
    try:
        return await invalidate(redis, tenant=tenant, revision=revision, apply=apply)
    finally:
        await redis.close()
