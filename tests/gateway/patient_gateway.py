"""`python patient_gateway.py serve ...`: the gateway, which waits for Redis and engines' health as long as a busy
machine takes.

What it does when they are late has tests of its own, and for all others the limits would decide by chance.
"""

from __future__ import annotations

from moorage_serving.gateway import readiness, redis_link
from moorage_serving.gateway.cache import response_cache, store, stored_answers
from moorage_serving.gateway.cli import command_line
from moorage_serving.gateway.quota import shared
from moorage_serving.gateway.upstream import monitor

PATIENCE_SECONDS = 20.0
LIMITS = (
    (redis_link, "STALL_SECONDS"),
    (redis_link, "CONNECT_SECONDS"),
    (shared, "TIMEOUT_SECONDS"),
    (store, "STORE_SECONDS"),
    *((module, "LOOKUP_SECONDS") for module in (store, response_cache, stored_answers)),
    (monitor, "PROBE_TIMEOUT_SECONDS"),
    (readiness, "PROBE_TIMEOUT_SECONDS"),
)
"""How long the gateway waits."""

if __name__ == "__main__":
    for module, name in LIMITS:
        setattr(module, name, PATIENCE_SECONDS)
    command_line()
