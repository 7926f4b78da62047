"""The activator as a process, under a real supervisord, before an engine that starts in a moment."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .on_demand import PATIENCE_SECONDS, OnDemand, engine_on_demand, eventually

# httpcore 1.0 leaves a Unix socket on which nobody listens to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")

LONG = 600.0
SHORT = 1.0


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDemand]:
    """Nobody has asked for it."""
    with engine_on_demand(tmp_path_factory.mktemp("unused"), LONG) as engine:
        yield engine


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDemand]:
    """Has been started, and stays up."""
    with engine_on_demand(tmp_path_factory.mktemp("patient"), LONG) as engine:
        engine.wake()
        yield engine


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDemand]:
    """Stops as soon as it may. A stream takes 5 seconds."""
    with engine_on_demand(tmp_path_factory.mktemp("hasty"), SHORT, "--gap-seconds", "0.25") as engine:
        yield engine


def test_nothing_runs_before_somebody_asks(unused: OnDemand):
    assert unused.state() == "stopped"
    assert not unused.socket.exists()
    assert unused.call("GET", "/state").json()["cold_start_seconds"] is None
    assert unused.metric('moorage_cold_start_seconds_count{phase="weights"}') == 0


def test_a_call_for_another_engine_is_refused(unused: OnDemand):
    assert unused.call("POST", "/activate", json={"upstream": "another"}).status_code == 404
    assert unused.metric("moorage_activator_activations_total") == 0


def test_a_call_starts_the_engine_and_further_ones_change_nothing(patient: OnDemand):
    for _ in range(2):
        answer = patient.activate()
        assert answer.status_code == 202
        assert answer.json()["upstream"] == patient.name
    patient.wait_for("ready")
    assert patient.ask_engine() == "one"
    assert patient.metric("moorage_activator_activations_total") == 3
    assert patient.metric("moorage_activator_starts_total") == 1
    assert patient.metric('moorage_activator_engine_state{state="ready"}') == 1


@pytest.mark.long
def test_the_seconds_of_the_cold_start_are_told_by_phase(tmp_path: Path):
    with engine_on_demand(tmp_path / "slow", LONG, "--load-seconds", "5") as engine:
        engine.wake()
        phases = engine.call("GET", "/state").json()["cold_start_seconds"]
        assert set(phases) == {"start", "weights", "engine"}
        # It is as exact as the log is read, which a busy machine does seldom.
        assert phases["weights"] > 0.5
        for phase, seconds in phases.items():
            assert engine.metric(f'moorage_cold_start_seconds_count{{phase="{phase}"}}') == 1
            assert engine.metric(f'moorage_cold_start_seconds_sum{{phase="{phase}"}}') == pytest.approx(seconds)
        eventually(lambda: '"event":"cold_start"' in engine.activator.layout.log_file.read_text())


@pytest.mark.long
def test_an_engine_that_crashed_is_ready_again_without_a_call(patient: OnDemand):
    before = patient.engine_process_id()
    patient.supervisor.signal_process(patient.name, "KILL")
    eventually(lambda: patient.engine_process_id() not in {None, before})
    patient.wait_for("ready")
    assert patient.metric("moorage_activator_starts_total") == 1


def test_an_idle_engine_is_stopped_and_comes_back(hasty: OnDemand):
    for _ in range(2):
        stops = hasty.metric("moorage_activator_idle_stops_total")
        hasty.activate()
        eventually(lambda stops=stops: hasty.metric("moorage_activator_idle_stops_total") == stops + 1)
        hasty.wait_for("stopped")
    assert not hasty.engine.layout.withdrawn_socket.exists()


def test_a_supervisor_that_does_not_answer_is_counted_and_the_call_not_forgotten(hasty: OnDemand):
    hasty.wait_for("stopped")
    starts = hasty.metric("moorage_activator_starts_total")
    failures = hasty.metric('moorage_activator_failures_total{of="supervisor"}')
    supervisor_socket = hasty.engine.layout.stack.supervisor_socket
    elsewhere = supervisor_socket.rename(supervisor_socket.with_suffix(".away"))
    try:
        hasty.activate()
        eventually(lambda: hasty.metric('moorage_activator_failures_total{of="supervisor"}') > failures)
    finally:
        elsewhere.rename(supervisor_socket)
    eventually(lambda: hasty.metric("moorage_activator_starts_total") == starts + 1)


@pytest.mark.long
def test_requests_keep_it_up(tmp_path: Path):
    idle_seconds = 5.0  # longer than a busy machine lets pass between two requests
    with engine_on_demand(tmp_path / "busy", idle_seconds) as engine:
        engine.wake()
        until = time.monotonic() + 1.5 * idle_seconds
        while time.monotonic() < until:
            assert engine.ask_engine() == "one"
        assert engine.metric("moorage_activator_idle_stops_total") == 0
        assert engine.state() == "ready"


@pytest.mark.long
def test_a_request_in_flight_keeps_it_up_however_long_it_takes(hasty: OnDemand):
    with hasty.connection() as connection:
        content = _open_stream(connection).read()
    assert content.endswith(b"data: [DONE]\n\n")
    hasty.wait_for("stopped")


@pytest.mark.long
def test_a_connection_that_is_open_is_never_cut(hasty: OnDemand):
    with hasty.connection() as connection:
        # Out of reach for others meanwhile, and back when it is seen that somebody is left.
        eventually(lambda: not hasty.socket.exists())
        eventually(hasty.socket.exists)
        assert hasty.state() == "ready"
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 200")
    hasty.wait_for("stopped")


@pytest.mark.long
def test_a_request_that_comes_while_it_stops_gets_the_next_start(hasty: OnDemand):
    stops = hasty.metric("moorage_activator_idle_stops_total")
    hasty.activate()
    eventually(lambda: hasty.metric("moorage_activator_idle_stops_total") > stops)
    starts = hasty.metric("moorage_activator_starts_total")
    assert _ask_as_a_gateway_does(hasty) == "one"
    # More than one where it was idle again before it was asked.
    assert hasty.metric("moorage_activator_starts_total") >= starts + 1


@pytest.mark.long
def test_no_request_is_lost_around_stops(hasty: OnDemand):
    """Clients that do as a gateway does: where nobody listens, they ask for the engine and wait."""
    stops = hasty.metric("moorage_activator_idle_stops_total")
    answers: list[str] = []
    with _clients(hasty, answers):
        eventually(lambda: hasty.metric("moorage_activator_idle_stops_total") >= stops + 2, seconds=90)
    assert set(answers) == {"one"}


@pytest.mark.long
def test_an_activator_that_was_killed_goes_on_with_the_engine_that_runs(hasty: OnDemand):
    hasty.activate()
    with hasty.connection():
        hasty.supervisor.signal_process(hasty.activator.name, "KILL")
        eventually(lambda: _asked_of_this_one(hasty) == 0)
    eventually(lambda: hasty.metric("moorage_activator_idle_stops_total") == 1)
    assert hasty.metric("moorage_activator_starts_total") == 0


@pytest.mark.long
def test_without_the_memory_it_does_not_start_and_its_log_says_why(tmp_path: Path):
    with engine_on_demand(tmp_path / "large", LONG, required_memory_gib=1e6) as engine:
        engine.activate()
        log = engine.engine.layout.log_file
        eventually(lambda: log.exists() and "needs 1000000.0 GiB of memory and this machine has" in log.read_text())
        # It is tried a few times.
        eventually(lambda: engine.state() in {"starting", "failed"})


def _asked_of_this_one(engine: OnDemand) -> float | None:
    """How often the process that is the activator now was asked for the engine; None while it does not answer."""
    try:
        return engine.metric("moorage_activator_activations_total")
    except httpx.TransportError:
        return None


def _open_stream(connection: socket.socket) -> http.client.HTTPResponse:
    body = b'{"stream": true}'
    head = b"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: %d\r\n\r\n" % len(body)
    connection.sendall(head + body)
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


@contextmanager
def _clients(engine: OnDemand, answers: list[str]) -> Iterator[None]:
    stop = threading.Event()

    def ask_until_stopped(pause_seconds: float) -> None:
        while not stop.is_set():
            answers.append(_ask_as_a_gateway_does(engine))
            stop.wait(pause_seconds)

    # Longer than the idle time, and no multiple of each other: they come at every moment of a stop.
    threads = [threading.Thread(target=ask_until_stopped, args=(pause,)) for pause in (1.37, 2.21)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def _ask_as_a_gateway_does(engine: OnDemand) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return engine.ask_engine()
        except httpx.ConnectError:
            engine.activate()
            time.sleep(0.05)
    return "too late"
