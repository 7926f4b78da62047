"""Brings the engine up when it is asked for, and down when nobody has asked for long.

Every step looks at what is, and does one thing about it: whatever is missed, or done by others, is seen at the next.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.activator.engine import Activity, Engine, EngineError
from moorage_serving.activator.engine_state import EngineState
from moorage_serving.activator.gate import Gate, open_connections
from moorage_serving.activator.start_watch import StartWatch
from moorage_serving.activator.supervisor import ProcessState, SupervisorError

if TYPE_CHECKING:
    from moorage_serving.activator.metrics import ActivatorMetrics
    from moorage_serving.activator.settings import ActivatorSettings
    from moorage_serving.activator.supervisor import Supervisor

log = structlog.get_logger("keeper")
STARTING_LOOK_SECONDS = 0.1
LOOK_SECONDS = 2.0
BUSY_LOOKS_PER_IDLE_TIME = 10
# vLLM closes a connection that nobody uses after 5 s (uvicorn's default).
LAST_CONNECTIONS_SECONDS = 8.0


class EngineKeeper:
    """`state` is what was seen last; `cold_start_seconds` the last start on demand, by phase."""

    def __init__(self, settings: ActivatorSettings, supervisor: Supervisor, metrics: ActivatorMetrics) -> None:
        self.state = EngineState.STOPPED
        self.cold_start_seconds: dict[str, float] | None = None
        self._settings = settings
        self._supervisor = supervisor
        self._metrics = metrics
        self._engine = Engine(settings.socket)
        self._gate = Gate(settings.socket, settings.withdrawn_socket)
        self._start: StartWatch | None = None
        self._is_wanted = False
        self._wake = asyncio.Event()
        self._demanded_at = 0.0
        self._work_done = 0.0
        metrics.show_state(self.state)

    def activate(self) -> None:
        """There is demand now. Returns at once; the engine comes up as soon as it can."""
        self._metrics.activations.inc()
        self._is_wanted = True
        self._demanded_at = self._now()
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled. The engine is left as it is."""
        while True:
            await self._pause(await self._step())

    async def _step(self) -> float:
        """Returns the seconds until the next one."""
        try:
            match await self._supervisor.state():
                case ProcessState.DOWN:
                    return await self._while_down(EngineState.STOPPED)
                case ProcessState.GIVEN_UP:
                    return await self._while_down(EngineState.FAILED)
                case ProcessState.STOPPING:
                    self._become(EngineState.STOPPING)
                    return STARTING_LOOK_SECONDS
                case ProcessState.RETRYING:
                    self._restarted()
                    return STARTING_LOOK_SECONDS
                case ProcessState.UP if self.state is EngineState.READY:
                    return await self._while_ready()
                case ProcessState.UP:
                    return await self._while_starting()
        except (SupervisorError, EngineError, OSError) as error:
            of = "supervisor" if isinstance(error, SupervisorError) else "engine"
            self._metrics.failures.labels(of).inc()
            log.warning("no_answer", of=of, error=str(error))
            return LOOK_SECONDS

    async def _while_down(self, state: EngineState) -> float:
        self._gate.remove()
        self._start = None
        self._become(state)
        if not self._is_wanted:
            return LOOK_SECONDS
        self._start = StartWatch(self._settings.log_file, self._now())
        await self._supervisor.start()
        self._metrics.starts.inc()
        self._is_wanted = False
        self._become(EngineState.STARTING)
        return STARTING_LOOK_SECONDS

    def _restarted(self) -> None:
        self._become(EngineState.STARTING)
        if self._start is not None:
            self._start.begin_again()

    async def _while_starting(self) -> float:
        # This process may have been killed between closing the gate and stopping the engine.
        self._gate.open()
        self._become(EngineState.STARTING)
        if self._start is not None:
            self._start.read(self._now())
        if await self._engine.is_ready():
            self._is_wanted = False
            self._demanded_at = self._now()
            self._become(EngineState.READY)
            self._measure_start()
        return STARTING_LOOK_SECONDS

    def _measure_start(self) -> None:
        if self._start is None:
            return
        self.cold_start_seconds = self._start.phases(self._now())
        self._start = None
        for phase, seconds in self.cold_start_seconds.items():
            self._metrics.cold_start.labels(phase).observe(seconds)
        log.info("cold_start", **{f"{phase}_seconds": round(s, 3) for phase, s in self.cold_start_seconds.items()})

    async def _while_ready(self) -> float:
        """Raises EngineError; what cannot be seen counts as demand."""
        try:
            activity = await self._engine.activity()
        except EngineError:
            self._demanded_at = self._now()
            if not await self._engine.is_ready():
                self._become(EngineState.STARTING)
            raise
        self._is_wanted = False
        if activity != Activity(0, self._work_done):
            self._work_done = activity.work_done
            self._demanded_at = self._now()
        idle_seconds = self._settings.idle_seconds
        left_seconds = self._demanded_at + idle_seconds - self._now()
        if left_seconds > 0:
            return min(left_seconds, idle_seconds / BUSY_LOOKS_PER_IDLE_TIME, LOOK_SECONDS)
        await self._stop()
        return STARTING_LOOK_SECONDS

    async def _stop(self) -> None:
        """Stops the engine unless somebody comes meanwhile. Whoever comes too late gets a new start."""
        self._gate.close()
        is_stopping = False
        try:
            if await self._nobody_is_left():
                await self._supervisor.stop()
                is_stopping = True
                self._metrics.idle_stops.inc()
                self._become(EngineState.STOPPING)
        finally:
            if not is_stopping:
                self._gate.open()
                self._demanded_at = self._now()

    async def _nobody_is_left(self) -> bool:
        until = self._now() + LAST_CONNECTIONS_SECONDS
        while open_connections(self._settings.socket):
            if self._is_wanted or self._now() > until:
                return False
            await asyncio.sleep(STARTING_LOOK_SECONDS)
        activity = await Engine(self._settings.withdrawn_socket).activity()
        return activity == Activity(0, self._work_done) and not self._is_wanted

    def _become(self, state: EngineState) -> None:
        if state is not self.state:
            self.state = state
            self._metrics.show_state(state)
            log.info("engine_state", upstream=self._settings.upstream, state=state.value)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
