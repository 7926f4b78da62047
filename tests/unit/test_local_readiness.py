"""A process that did not get ready is reported with the line of its log that says why."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.local import readiness
from moorage.local.definition import Readiness
from moorage.local.errors import LocalError
from moorage.local.preflight import any_free_port
from moorage.local.readiness import Address, failure_reason, last_line, wait_until_ready
from moorage.local.supervisor import ProcessState

# As vLLM 0.32.0 writes them, with the frames shortened.
BEGINNING = """\
Triton is installed, but doesn't include CPU backend. Disabling Triton.
(APIServer pid=29465) INFO 11-23 07:24:56 [api_utils.py:286] non-default args: {'model': '/models/harbour'}
(APIServer pid=29465) WARNING 11-23 07:24:56 [system_utils.py:255] Found ulimit of 20000 and failed to automatically \
increase with error current limit exceeds maximum limit. This can cause fd limit errors like `OSError: [Errno 24] Too \
many open files`. Consider increasing with ulimit -n
"""
CACHE_TOO_SMALL = "ValueError: To serve at least one request with the model's max seq len (32768), 4.0 GiB is needed"
ENGINE_FAILED = f"""\
(EngineCore pid=29500) ERROR 11-23 07:25:30 [core.py:1012] EngineCore failed to start.
(EngineCore pid=29500) ERROR 11-23 07:25:30 [core.py:1012] Traceback (most recent call last):
(EngineCore pid=29500) ERROR 11-23 07:25:30 [core.py:1012]   File "vllm/v1/engine/core.py", line 1003, in run
(EngineCore pid=29500) ERROR 11-23 07:25:30 [core.py:1012]     raise ValueError(
(EngineCore pid=29500) ERROR 11-23 07:25:30 [core.py:1012] {CACHE_TOO_SMALL}
"""
ENGINE_ENDED = f"""\
(EngineCore pid=29500) Process EngineCore:
(EngineCore pid=29500) Traceback (most recent call last):
(EngineCore pid=29500)   File "multiprocessing/process.py", line 314, in _bootstrap
(EngineCore pid=29500)     self.run()
(EngineCore pid=29500) {CACHE_TOO_SMALL}
"""
SERVER_ENDED = """\
(APIServer pid=29465) Traceback (most recent call last):
(APIServer pid=29465)   File "<frozen runpy>", line 198, in _run_module_as_main
(APIServer pid=29465)   File "vllm/v1/engine/utils.py", line 1432, in wait_for_engine_startup
(APIServer pid=29465)     raise RuntimeError(
(APIServer pid=29465) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""
LEAK_WARNING = """\
resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 1 leaked shared_memory objects
  warnings.warn('resource_tracker: There appear to be %d '
"""
OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 79.10 GiB in total"
GPU_OUT_OF_MEMORY = f"""\
(EngineCore pid=7) Traceback (most recent call last):
(EngineCore pid=7)   File "vllm/v1/worker/gpu_worker.py", line 290, in load_model
(EngineCore pid=7) {OUT_OF_MEMORY}
[rank0]:[W1123 07:25:31 ProcessGroupNCCL.cpp:1538] Warning: destroy_process_group() was not called before exit
"""
UNKNOWN_ARCHITECTURE = """\
Traceback (most recent call last):
  File "vllm/engine/arg_utils.py", line 1955, in create_model_config
    return ModelConfig(
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, Model architectures ['NoSuchModel'] are not supported for now. [type=value_error]
    For further information visit https://errors.pydantic.dev/2.14/v/value_error
"""
ADDRESS_IN_USE = """\
Traceback (most recent call last):
  File "vllm/entrypoints/openai/api_server.py", line 560, in create_server_socket
    sock.bind(addr)
OSError: [Errno 98] Address already in use
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BEGINNING + ENGINE_FAILED + ENGINE_ENDED + SERVER_ENDED, CACHE_TOO_SMALL),
        (BEGINNING + ENGINE_FAILED + SERVER_ENDED + LEAK_WARNING, CACHE_TOO_SMALL),
        (BEGINNING + GPU_OUT_OF_MEMORY + SERVER_ENDED, OUT_OF_MEMORY),
        (BEGINNING + ADDRESS_IN_USE, "OSError: [Errno 98] Address already in use"),
        (
            BEGINNING + UNKNOWN_ARCHITECTURE,
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig: Value error, "
                "Model architectures ['NoSuchModel'] are not supported for now. [type=value_error]"
            ),
        ),
        (BEGINNING + ADDRESS_IN_USE + BEGINNING + ENGINE_ENDED, CACHE_TOO_SMALL),
        (
            SERVER_ENDED,
            "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        ),
        (
            "usage: api_server.py [-h]\napi_server.py: error: argument --dtype: invalid choice: 'f16'\n",
            "api_server.py: error: argument --dtype: invalid choice: 'f16'",
        ),
        (
            "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address in use\n",
            "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address in use",
        ),
        ("Fatal Python error: Segmentation fault\n\n  File x\n", "Fatal Python error: Segmentation fault"),
        ("/engine/bin/python: No module named vllm\n", "/engine/bin/python: No module named vllm"),
        (
            "7:M 23 Nov 2026 07:00:00.000 # Failed opening Unix socket: bind: No such file or directory\n",
            "7:M 23 Nov 2026 07:00:00.000 # Failed opening Unix socket: bind: No such file or directory",
        ),
    ],
    ids=[
        "the engine's error, not the server's",
        "an error that was logged and not raised",
        "GPU memory",
        "address in use",
        "pydantic's first line and the one below",
        "the last attempt",
        "nothing but a pointer to the error",
        "arguments",
        "uvicorn",
        "crash",
        "no vLLM",
        "Redis",
    ],
)
def test_the_reason_is_the_line_that_says_why(log: Path, text: str, reason: str):
    log.write_text(text)
    assert failure_reason(log) == f"{reason} (the whole log: {log})"


def test_a_warning_is_no_reason(log: Path):
    log.write_text(BEGINNING + "(APIServer pid=29465) INFO 11-23 07:24:56 [model.py:733] Resolved architecture\n")
    assert "Errno 24" not in failure_reason(log)
    assert "Resolved architecture" in failure_reason(log)


def test_a_log_that_was_never_written_is_no_error(log: Path):
    assert failure_reason(log) == f"nothing was logged yet (the whole log: {log})"


@given(st.binary(max_size=40_000))
def test_any_log_gives_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    log = tmp_path_factory.getbasetemp() / "any.log"
    log.write_bytes(content)
    assert "\n" not in failure_reason(log)
    assert len(last_line(log)) <= 160


class _Answers(BaseHTTPRequestHandler):
    statuses: list[int]

    def do_GET(self) -> None:
        self.send_response(self.statuses.pop(0) if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Nothing on the screen."""


@pytest.fixture
def server() -> Iterator[Address]:
    """Answers 503 twice and then 200."""
    _Answers.statuses = [503, 503, 200]
    with HTTPServer(("127.0.0.1", 0), _Answers) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield Address(None, "127.0.0.1", http.server_address[1])
        http.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(readiness, "PROGRESS_SECONDS", 0.02)


def wait(
    address: Address,
    log: Path,
    *,
    state: str = "RUNNING",
    timeout: float = 60,
    listens: Callable[[], bool] = lambda: True,
) -> list[str]:
    """What was reported until it was ready."""
    reports: list[str] = []
    wait_until_ready(
        "engine",
        address,
        Readiness(protocol="http", path="/health", timeout_seconds=timeout),
        log,
        lambda: ProcessState("engine-1", state),
        listens,
        reports.append,
    )
    return reports


@pytest.fixture
def nobody() -> Address:
    """An address at which nobody listens."""
    return Address(None, "127.0.0.1", any_free_port("127.0.0.1"))


def test_it_waits_until_the_answer_is_a_success(server: Address, log: Path):
    assert wait(server, log)[-1].startswith("engine: ready after ")
    assert _Answers.statuses == []


@pytest.mark.parametrize("state", ["BACKOFF", "EXITED", "FATAL", "STOPPED"])
def test_a_process_that_ended_is_reported_at_once_with_the_reason(nobody: Address, log: Path, state: str):
    log.write_text(BEGINNING + ENGINE_FAILED + ENGINE_ENDED + SERVER_ENDED)
    with pytest.raises(LocalError, match=r"^engine ended before it was ready: ValueError: To serve"):
        wait(nobody, log, state=state)


def test_a_process_that_takes_too_long_is_reported_with_its_last_line(nobody: Address, log: Path):
    log.write_text("Loading weights:  40%\n")
    with pytest.raises(LocalError, match=r"not ready after 0 s; the last line of .*: Loading weights:  40%"):
        wait(nobody, log, timeout=0.05)


def test_a_long_start_says_how_far_it_is(server: Address, log: Path):
    log.write_text("Loading weights:  40%\n")
    _Answers.statuses = [503] * 10 + [200]
    assert re.fullmatch(r"engine: waiting for readiness, \d+ s · Loading weights:  40%", wait(server, log)[0])


def test_the_process_before_it_on_the_same_port_does_not_count(server: Address, log: Path):
    _Answers.statuses = [200]
    before_and_after = iter([False, False, True])
    wait(server, log, listens=lambda: next(before_and_after))
    assert list(before_and_after) == []


def test_addresses_are_written_as_gateways_take_them():
    assert str(Address(Path("/run/engine.sock"), None, None)) == "unix:///run/engine.sock"
    assert str(Address(None, "127.0.0.1", 8000)) == "http://127.0.0.1:8000"
    assert str(Address(None, "::1", 8000)) == "http://[::1]:8000"
