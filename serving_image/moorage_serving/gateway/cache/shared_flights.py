"""One upstream call for all processes that share a Redis: who leads, who follows, and what they tell each other.

Why so: docs/adr/0010-one-answer-for-all-processes.md.
"""

from __future__ import annotations

import asyncio
import secrets
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway import errors
from moorage_serving.gateway.cache.flight_messages import (
    Address,
    Alive,
    Failure,
    Follow,
    Gone,
    Leave,
    Piece,
    Taken,
    decode,
    encode,
)
from moorage_serving.gateway.cache.followed_flight import FlightLostError, FollowedFlight
from moorage_serving.gateway.cache.lease import Lease, Leases, NoLease
from moorage_serving.gateway.cache.mailbox import Mailbox, PublishErrors, channel_of
from moorage_serving.gateway.cache.remote_reader import RemoteReader
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.redis_calls import RedisUnavailableError

if TYPE_CHECKING:
    from starlette.types import Send

    from moorage_serving.gateway.cache.flight import Fetch, Flight
    from moorage_serving.gateway.cache.flight_messages import FlightMessage, ToFollower
    from moorage_serving.gateway.cache.metrics import CacheMetrics
    from moorage_serving.gateway.cache.plan import CachePlan
    from moorage_serving.gateway.redis_link import RedisLink

BEAT_SECONDS = 0.5
BEATS_PER_RENEWAL = 3
# Nothing heard of the other process for so long: it is gone. Asking an engine costs less than cutting a stream.
SILENCE_BEFORE_BEGINNING_SECONDS = 1.5
SILENCE_SECONDS = 5.0
# What a process that ends leaves to readers elsewhere.
FAREWELL_SECONDS = 2.0


class ReaderGoneError(Exception):
    """The process that reads is not there any more."""


class Led(NamedTuple):
    """A flight of this process that others may follow."""

    lease: Lease
    digest: str
    flight: Flight


class Serving(NamedTuple):
    """One of them that does."""

    reader: RemoteReader
    task: asyncio.Task[None]


class SharedFlights:
    """Created inside of the event loop."""

    def __init__(self, redis: RedisLink, metrics: CacheMetrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._process = secrets.token_hex(8)
        self._numbers = count()
        self._leases = Leases(redis)
        # Who wants to follow before this process has heard that it leads: Redis' two connections keep no common order.
        self._early: dict[int, list[Follow]] = {}
        self._led: dict[int, Led] = {}
        self._serving: dict[Address, Serving] = {}
        self._followed: dict[int, FollowedFlight] = {}
        self._mailbox = Mailbox(redis.url, self._process, self._receive, self._lose_all)
        self._beating = self._loop.create_task(self._beat())

    @property
    def is_open(self) -> bool:
        """Whether other processes can follow this one, and it them."""
        return self._mailbox.is_open

    async def claim(
        self, plan: CachePlan, lost: Address | None, *, unless_stored: bool, until: float
    ) -> Lease | Address | NoLease:
        """Lead, or know who does; `until` is by the loop's clock. `lost` leads no longer."""
        if not self.is_open:
            return NoLease.UNAVAILABLE
        address = Address(self._process, next(self._numbers))
        self._early[address.number] = []
        claimed: Lease | Address | NoLease = NoLease.UNAVAILABLE
        try:
            claimed = await self._leases.claim(
                plan.key, address, lost, unless_stored=unless_stored, timeout_seconds=self._left_seconds(until)
            )
        finally:
            if not isinstance(claimed, Lease):
                self._admit_early(address)
        if isinstance(claimed, Address) and claimed != lost and self._has_closed(claimed):
            return await self.claim(plan, claimed, unless_stored=unless_stored, until=until)
        return claimed

    def lead(self, lease: Lease, digest: bytes, flight: Flight) -> None:
        """Let others follow, until the flight has landed."""
        number = lease.address.number
        self._led[number] = Led(lease, digest.hex(), flight)
        self._admit_early(lease.address)

        def landed(_: object) -> None:
            del self._led[number]
            self._leases.release(lease)

        if flight.task is not None:
            flight.task.add_done_callback(landed)

    def release(self, lease: Lease) -> None:
        """Nobody will lead with it."""
        self._leases.release(lease)
        self._admit_early(lease.address)

    def following(self, leader: Address, digest: bytes, until: float) -> Fetch:
        """Gets the answer from the process that leads. Raises FlightLostError while an engine can still be asked."""

        async def fetch(write: Send) -> None:
            await self._follow(leader, digest, until, write)

        return fetch

    async def farewell(self) -> None:
        """Let readers elsewhere come to the end of their answer, if it is near."""
        if self._serving:
            await asyncio.wait([serving.task for serving in self._serving.values()], timeout=FAREWELL_SECONDS)

    async def close(self) -> None:
        """No flight may be under way."""
        self._beating.cancel()
        tasks = [self._beating, *(serving.task for serving in self._serving.values())]
        await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._mailbox.close()

    async def _follow(self, leader: Address, digest: bytes, until: float, write: Send) -> None:
        own = Address(self._process, next(self._numbers))

        def tell_taken() -> None:
            self._post(leader.process, Taken(leader.number, own, followed.taken_bytes))

        followed = self._followed[own.number] = FollowedFlight(leader, tell_taken, self._loop.time())
        self._metrics.followed.inc()
        try:
            await self._announce(leader, Follow(leader.number, own, digest.hex()), until)
            await followed.write_to(write)
        except FlightLostError:
            self._metrics.lost.inc()
            raise
        finally:
            del self._followed[own.number]
            if not followed.ended:
                self._post(leader.process, Leave(leader.number, own))

    async def _announce(self, leader: Address, follow: Follow, until: float) -> None:
        command = ("PUBLISH", channel_of(leader.process), encode(follow))
        try:
            listening = await self._redis.execute(*command, timeout_seconds=self._left_seconds(until))
        except RedisUnavailableError:
            raise FlightLostError(None) from None
        if not listening:
            raise FlightLostError(leader)

    def _has_closed(self, leader: Address) -> bool:
        """Whether it is a flight of this process that nobody can join any more."""
        if leader.process != self._process:
            return False
        led = self._led.get(leader.number)
        return led is None or not led.flight.joinable

    def _left_seconds(self, until: float) -> float:
        """In whole milliseconds: the link keeps a timer for each timeout that there ever was."""
        return round(max(0.0, until - self._loop.time()), 3)

    def _receive(self, published: bytes) -> None:
        match message := decode(published):
            case Follow():
                self._let_follow(message)
            case Taken(sender=sender) if (serving := self._serving.get(sender)) is not None:
                serving.reader.taken(message.total_bytes, self._loop.time())
            case Leave():
                self._let_leave(message)
            case Piece() | Failure() | Alive() | Gone():
                followed = self._followed.get(message.to)
                if followed is not None:
                    followed.put(message, self._loop.time())
            case _:
                pass

    def _admit_early(self, address: Address) -> None:
        for message in self._early.pop(address.number):
            self._let_follow(message)

    def _let_follow(self, message: Follow) -> None:
        if (early := self._early.get(message.to)) is not None:
            early.append(message)
            return
        led = self._led.get(message.to)
        if led is None or led.digest != message.digest or message.sender in self._serving:
            self._post(message.sender.process, Gone(message.sender.number))
            return
        reader = RemoteReader(message.sender, self._publish, self._loop.time())
        task = self._loop.create_task(self._serve(led.flight, reader, message.sender))
        self._serving[message.sender] = Serving(reader, task)
        task.add_done_callback(lambda _: self._serving.pop(message.sender))

    def _let_leave(self, message: Leave) -> None:
        if (serving := self._serving.get(message.sender)) is not None:
            serving.task.cancel()
        elif (early := self._early.get(message.to)) is not None:
            early[:] = [follow for follow in early if follow.sender != message.sender]

    async def _serve(self, flight: Flight, reader: RemoteReader, sender: Address) -> None:
        try:
            # Asked here, in the turn in which it is joined: a large answer loses what all have read.
            if not flight.joinable:
                await self._publish(sender.process, Gone(sender.number))
                return
            try:
                await flight.read(reader.send, b"")
            except (ReaderGoneError, *PublishErrors):
                raise
            except GatewayError as error:
                await reader.fail(error)
            except Exception:  # noqa: BLE001 - the leader's own readers log it
                await reader.fail(errors.internal_error())
        except (ReaderGoneError, *PublishErrors):
            # It hears nothing more of this, and so knows.
            return

    async def _publish(self, process: str, message: ToFollower) -> None:
        if not await self._mailbox.publish(process, encode(message)):
            raise ReaderGoneError

    def _post(self, process: str, message: FlightMessage) -> None:
        self._redis.post("PUBLISH", channel_of(process), encode(message))

    def _lose_all(self) -> None:
        for followed in self._followed.values():
            followed.lose()

    async def _beat(self) -> None:
        for beat in count():
            await asyncio.sleep(BEAT_SECONDS)
            now = self._loop.time()
            self._tend_followed(now)
            self._tend_readers(now)
            if beat % BEATS_PER_RENEWAL == 0 and self._redis.available:
                self._tend_leases()

    def _tend_followed(self, now: float) -> None:
        for number, followed in self._followed.items():
            patience_seconds = SILENCE_SECONDS if followed.began else SILENCE_BEFORE_BEGINNING_SECONDS
            if now - followed.heard_at > patience_seconds:
                followed.lose()
            else:
                taken = Taken(followed.leader.number, Address(self._process, number), followed.taken_bytes)
                self._post(followed.leader.process, taken)

    def _tend_readers(self, now: float) -> None:
        for sender, serving in self._serving.items():
            if now - serving.reader.heard_at > SILENCE_SECONDS:
                serving.task.cancel()
            else:
                self._post(sender.process, Alive(sender.number))

    def _tend_leases(self) -> None:
        for led in self._led.values():
            if led.flight.too_large:  # nobody can join it any more
                self._leases.release(led.lease)
        self._leases.renew()
