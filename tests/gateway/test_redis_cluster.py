"""The gateway's whole use of Redis works on a server in cluster mode, as ElastiCache Serverless is one.

The tests look at what the server was asked to do while two gateways did all that they use it for.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from redis.crc import key_slot

from moorage.aws.serverless_cache import ACCESS_STRING, COMMANDS
from moorage_serving.gateway.cache.key import tenant_prefix
from moorage_serving.gateway.cache.lease import CLAIM, RELEASE
from moorage_serving.gateway.cache.lease import RENEW as RENEW_LEASES
from moorage_serving.gateway.cache.mailbox import CHANNEL
from moorage_serving.gateway.cache.store import FORGET_ITEMS, STORE_ITEM, index_keys
from moorage_serving.gateway.ledger import ADD, FLUSH_INTERVAL_SECONDS
from moorage_serving.gateway.quota.shared import LEASE_SECONDS, RENEWAL_SECONDS, RESERVE, SETTLE
from moorage_serving.gateway.quota.shared import RENEW as RENEW_RESERVATIONS

from .processes import KEY, KEY_ID, Gateway, chat, document, eventually, sha256, upstream
from .redis_cluster import RedisCluster
from .redis_commands import Command, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .processes import EngineRoom, RunningEngine

pytestmark = pytest.mark.long
CHAT = "/v1/chat/completions"
TENANT = "acme"
USER, PASSWORD = "gateway", "password-of-the-tests"
MAX_TENANT_BYTES = 100_000
ATTEMPTS = 10
PATIENCE_SECONDS = 20.0
# Longer than a request waits for its limits, and shorter than the connection is kept without a reply.
PAUSE_MILLISECONDS = 150
LIMITS = {
    "requests_per_minute": 1000,
    "tokens_per_minute": 1_000_000,
    "concurrent_requests": 100,
    "tokens_per_month": 10_000_000,
}
SCRIPTS = {
    "store": STORE_ITEM,
    "forget": FORGET_ITEMS,
    "claim": CLAIM,
    "release": RELEASE,
    "renew leases": RENEW_LEASES,
    "reserve": RESERVE,
    "settle": SETTLE,
    "renew reservations": RENEW_RESERVATIONS,
    "add usage": ADD,
}


@dataclass
class Pair:
    """Two gateways before one engine, with one server in cluster mode."""

    first: Gateway
    second: Gateway
    engine: RunningEngine
    room: EngineRoom
    server: RedisCluster

    def ask(self, gateway: Gateway, text: str, **more: Any) -> httpx.Response:
        response = gateway.client.post(CHAT, json={**chat(text, **more), "temperature": 0}, timeout=60)
        assert response.status_code == more.get("status", 200)
        return response

    def metric(self, name: str, **labels: str) -> float:
        return self.first.metric(name, **labels) + self.second.metric(name, **labels)

    def ask_and_store(self, **more: Any) -> tuple[str, httpx.Response]:
        """A new question and its answer, which is kept; another one where the server was late."""
        for _ in range(ATTEMPTS):
            text, stored = uuid.uuid4().hex, self.metric("cache_answers_total", result="stored")
            answer = self.ask(self.first, text, **more)
            with contextlib.suppress(AssertionError):
                eventually(lambda: self.metric("cache_answers_total", result="stored") > stored, 5)  # noqa: B023
                return text, answer
        pytest.fail("nothing was stored")

    def items(self) -> set[str]:
        prefix = tenant_prefix(TENANT)
        names: list[str] = self.server.client.keys(f"{prefix}*")  # type: ignore[assignment]
        items = {name for name in names if name not in index_keys(TENANT) and not name.endswith(":lease")}
        return {name.removeprefix(prefix) for name in items}

    def let_answer(self, *, may: bool) -> None:
        event = self.engine.fake.may_answer
        self.room.loop.call_soon_threadsafe(event.set if may else event.clear)


def answers_are_kept(pair: Pair) -> None:
    text, first = pair.ask_and_store()

    def hit() -> bool:
        second = pair.ask(pair.second, text)
        assert second.content == first.content or "hit" not in second.headers["cache-status"]
        return second.headers["cache-status"].startswith("Moorage; hit")

    eventually(hit)


def the_oldest_leave_for_new_ones(pair: Pair) -> None:
    evicted = pair.metric("cache_evicted_total")
    for _ in range(6):
        pair.ask_and_store(tokens=1, padding_bytes=30_000)
    assert pair.metric("cache_evicted_total") > evicted
    assert int(pair.server.client.hget(index_keys(TENANT)[1], "")) <= MAX_TENANT_BYTES  # type: ignore[arg-type]


def half_an_index_is_cleared(pair: Pair) -> None:
    for half in index_keys(TENANT):
        pair.ask_and_store()
        pair.server.client.delete(half)
        pair.ask_and_store()
        assert pair.items() == set(pair.server.client.zrange(index_keys(TENANT)[0], 0, -1))  # type: ignore[arg-type]


def an_operator_deletes_all(pair: Pair) -> None:
    pair.ask_and_store()
    command = (sys.executable, "-m", "moorage_serving.gateway", "cache", "invalidate", "--revision", "r1", "--apply")
    run = subprocess.run(
        [*command, "--config", str(pair.first.config_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert re.fullmatch(r"[1-9]\d* items, \d+ bytes: deleted\n", run.stdout)
    assert pair.items() == set()


def gateways_share_an_answer(pair: Pair) -> None:
    """One that takes so long that leases and reservations have to be renewed."""
    for _ in range(ATTEMPTS):
        text, asked = uuid.uuid4().hex, pair.engine.fake.counters.requests
        pair.let_answer(may=False)
        try:
            with ThreadPoolExecutor() as clients:
                leader = clients.submit(pair.ask, pair.first, text)
                eventually(lambda: pair.engine.fake.counters.requests == asked + 1, PATIENCE_SECONDS)  # noqa: B023
                follower = clients.submit(pair.ask, pair.second, text)
                eventually(
                    lambda: (
                        pair.first.metric("cache_flight_readers") == 2
                        or pair.engine.fake.counters.requests == asked + 2  # noqa: B023 - Redis was late
                    ),
                    PATIENCE_SECONDS,
                )
                shared = pair.engine.fake.counters.requests == asked + 1
                time.sleep(RENEWAL_SECONDS + 1 if shared else 0)
                pair.let_answer(may=True)
                assert leader.result().content == follower.result().content or not shared
        finally:
            pair.let_answer(may=True)
        if shared:
            assert pair.engine.fake.counters.requests == asked + 1
            return
    pytest.fail("Redis was late in each attempt")


def an_answer_that_is_not_kept_leaves_no_lease(pair: Pair) -> None:
    pair.ask(pair.first, uuid.uuid4().hex, status=500)
    eventually(lambda: not pair.server.client.keys("*:lease"))


def limits_are_counted_together(pair: Pair) -> None:
    left = int(pair.ask(pair.first, uuid.uuid4().hex).headers["x-ratelimit-remaining-requests"])
    assert int(pair.ask(pair.second, uuid.uuid4().hex).headers["x-ratelimit-remaining-requests"]) <= left - 1
    eventually(lambda: not pair.server.client.hlen(f"moorage:quota:{{{TENANT}}}:reservations"), LEASE_SECONDS / 2)


def what_was_let_in_without_an_answer_is_counted(pair: Pair) -> None:
    used = f"moorage:quota:{{{TENANT}}}:window"
    for _ in range(ATTEMPTS):
        before = int(pair.server.client.hget(used, "requests") or 0)  # type: ignore[arg-type]
        late = pair.first.metric("redis_failures_total", reason="timeout")
        pair.server.client.client_pause(PAUSE_MILLISECONDS)
        pair.ask(pair.first, uuid.uuid4().hex)
        if pair.first.metric("redis_failures_total", reason="timeout") > late:
            eventually(lambda: int(pair.server.client.hget(used, "requests") or 0) > before)  # type: ignore[arg-type] # noqa: B023
            return
    pytest.fail("the server was never late")


def usage_is_written_when_a_gateway_ends(pair: Pair) -> None:
    def requests() -> int:
        days = pair.server.client.keys("moorage:usage:*")
        return sum(int(pair.server.client.hget(day, "requests") or 0) for day in days)  # type: ignore[union-attr]

    with Gateway(pair.first.config_path) as third:
        eventually(lambda: third.metric("redis_available") == 1)
        time.sleep(2 * FLUSH_INTERVAL_SECONDS)  # what came before has been written
        before = requests()
        pair.ask(third, uuid.uuid4().hex)
        assert third.stop() == 0
    assert requests() == before + 1


BEHAVIOURS = (
    answers_are_kept,
    the_oldest_leave_for_new_ones,
    half_an_index_is_cleared,
    an_operator_deletes_all,
    gateways_share_an_answer,
    an_answer_that_is_not_kept_leaves_no_lease,
    limits_are_counted_together,
    what_was_let_in_without_an_answer_is_counted,
    usage_is_written_when_a_gateway_ends,
)


@pytest.fixture(scope="module")
def server(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(redis_server, tmp_path_factory.mktemp("cluster") / "redis") as running:
        running.client.execute_command("ACL SETUSER", USER, f">{PASSWORD}", *ACCESS_STRING.split())
        yield running


@pytest.fixture(scope="module")
def pair(server: RedisCluster, engine_room: EngineRoom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    config_path = tmp_path_factory.mktemp("gateways") / "config.json"
    with engine_room.engine() as engine, ExitStack() as stack:
        config = document(
            upstream("engine", engine.address),
            redis_url=f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}/0",
            cache={"max_tenant_bytes": MAX_TENANT_BYTES, "semantic": {}},
            tenants=[{"id": TENANT, "semantic_cache": True, **LIMITS}],
            timeouts={"connect_seconds": 5, "first_byte_seconds": 60, "idle_seconds": 60},
        )
        config["keys"] = [{"id": KEY_ID, "sha256": sha256(KEY), "tenant": TENANT}]
        config_path.write_text(json.dumps(config))
        first, second = (stack.enter_context(Gateway(config_path)) for _ in range(2))
        pair = Pair(first, second, engine, engine_room, server)
        eventually(lambda: pair.metric("redis_available") == 2, PATIENCE_SECONDS)
        eventually(lambda: len(server.client.pubsub_channels(f"{CHANNEL}*")) == 2, PATIENCE_SECONDS)  # type: ignore[arg-type]
        yield pair


@pytest.fixture(scope="module")
def commands(pair: Pair) -> list[Command]:
    """All that was sent for all that gateways use Redis for."""
    with Recording(pair.server) as recording:
        for behaviour in BEHAVIOURS:
            behaviour(pair)
    return [command for command in recording.commands if command.came_over_tcp]


@pytest.mark.usefixtures("commands")
def test_the_server_refuses_nothing(pair: Pair) -> None:
    assert pair.metric("redis_failures_total", reason="reply") == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_has_run(commands: list[Command], name: str) -> None:
    called = {command.words[1] for command in commands if command.name == "evalsha"}
    evaluated = {command.words[1].encode().decode("unicode_escape") for command in commands if command.name == "eval"}
    assert SCRIPTS[name].sha1 in called or SCRIPTS[name].source in evaluated


def test_scripts_touch_only_keys_that_they_were_given(commands: list[Command], pair: Pair) -> None:
    within = [command for command in commands if command.declared is not None]
    assert len(within) > 100
    for command in within:
        assert command.keys(pair.server.client) <= (command.declared or frozenset()), command.words


def test_scripts_are_given_keys_and_all_of_one_slot(commands: list[Command]) -> None:
    scripts = [command for command in commands if command.name in ("eval", "evalsha")]
    for command in scripts:
        assert len({key_slot(key.encode()) for key in command.script_keys}) == 1, command.script_keys


def test_the_user_of_elasticache_serverless_may_do_this_and_no_more(commands: list[Command], pair: Pair) -> None:
    assert {command.name for command in commands} - {"auth"} == {*COMMANDS}
    refused: list[dict[str, str]] = pair.server.client.acl_log()  # type: ignore[assignment]
    assert {entry["object"] for entry in refused} <= {"client|setinfo"}, "redis-py tells its name, or goes on without"
