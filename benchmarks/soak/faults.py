"""What is done to the gateway's surroundings while the load goes on."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from benchmarks.soak.restartable import Restartable
    from benchmarks.soak.world import World

PAUSE_SECONDS, AWAY_SECONDS = 4.0, 2.0


def do_faults(world: World, ended: threading.Event, say: Callable[[str], None]) -> int:
    """One fault after the other, with rests, until `ended`; everything runs again afterwards. Returns how many."""
    done = 0
    for number in itertools.count(1):
        for fault in (_reload, _restart_engine, _reload, _freeze_engine, _restart_redis):
            if ended.wait(PAUSE_SECONDS):
                return done
            fault(world, number, ended, say)
            done += 1
    raise AssertionError("unreachable")


def _reload(world: World, number: int, _: threading.Event, say: Callable[[str], None]) -> None:
    say("configuration reloaded")
    world.write_config(number)
    world.gateway.send_signal(signal.SIGHUP)


def _restart_engine(world: World, number: int, ended: threading.Event, say: Callable[[str], None]) -> None:
    _restart(world.engines[number % len(world.engines)], ended, say)


def _restart_redis(world: World, _: int, ended: threading.Event, say: Callable[[str], None]) -> None:
    _restart(world.redis, ended, say)


def _restart(what: Restartable, ended: threading.Event, say: Callable[[str], None]) -> None:
    say(f"{what.name} killed for {AWAY_SECONDS:g} s")
    what.kill()
    ended.wait(AWAY_SECONDS)
    what.start()


def _freeze_engine(world: World, number: int, ended: threading.Event, say: Callable[[str], None]) -> None:
    engine = world.engines[(number + 1) % len(world.engines)]
    say(f"{engine.name} frozen for {AWAY_SECONDS:g} s")
    engine.signal(signal.SIGSTOP)
    ended.wait(AWAY_SECONDS)
    engine.signal(signal.SIGCONT)
