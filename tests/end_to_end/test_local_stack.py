"""One stack's life on this machine. The tests run in this order: each leaves the stack as the next one finds it, the
last one to those of the next module.
"""

import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import psutil
import pytest

from moorage.local.tiny_model import read_questions
from tests.checkout import STACK, Checkout
from tests.end_to_end.conversation import ask, ask_streaming, client_of, exact_match, streaming_clients
from tests.end_to_end.tiny_model import built_tiny_model

# The first run on a machine trains two models and fills vLLM's caches.
pytestmark = pytest.mark.timeout(900)

QUESTIONS = read_questions()
CLIENTS = 8
WRONG_ANSWER_RATIO = 0.5
PATIENCE_SECONDS = 60


def test_every_output_that_the_contract_names_is_there(stack: Checkout) -> None:
    names = {"endpoint_url", "api_key", "model", "revision", "option", "platform", "dashboard_url", "estimated_cost"}
    assert names | {"upstreams"} <= set(stack.outputs())


def test_answers_are_right(stack: Checkout, client: openai.OpenAI) -> None:
    model = stack.outputs()["model"]
    answers = [ask(client, model, question.question) for question in QUESTIONS]
    assert exact_match(answers, QUESTIONS) >= 0.95


def test_streamed_answers_are_right(stack: Checkout, client: openai.OpenAI) -> None:
    model = stack.outputs()["model"]
    answers = [ask_streaming(client, model, question.question) for question in QUESTIONS]
    assert exact_match(answers, QUESTIONS) >= 0.95


def test_tokens_of_streams_are_counted(stack: Checkout) -> None:
    metrics = httpx.get(stack.outputs()["dashboard_url"], timeout=PATIENCE_SECONDS).text
    tokens = re.findall(r'^moorage_gateway_tokens_total\{.*"completion".*\} (\S+)$', metrics, re.MULTILINE)
    assert sum(map(float, tokens)) > 2 * len(QUESTIONS)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
def test_a_client_that_leaves_ends_the_engines_work(stack: Checkout, stream: bool) -> None:
    outputs = stack.outputs()
    engine = _engine_socket(outputs)
    # More than the tiny model can generate before the client leaves.
    long_work = {"max_tokens": 900, "ignore_eos": True, "n": 64, "stream": stream}
    body = {"model": outputs["model"], "messages": [{"role": "user", "content": "Hello"}], **long_work}
    finished = _finished_requests(engine)
    with _sent_request(outputs, "chat/completions", body):
        _eventually(lambda: _running_requests(engine) > 0)
    _eventually(lambda: _running_requests(engine) == 0)
    assert _finished_requests(engine) == finished


def test_a_second_preview_changes_nothing(stack: Checkout) -> None:
    stack.pulumi("preview", "--expect-no-changes", "--stack", STACK)


def test_a_killed_engine_comes_back(stack: Checkout) -> None:
    server = _engine_server(stack)
    children = server.children(recursive=True)
    server.send_signal(signal.SIGKILL)
    outputs = stack.outputs()

    def answers() -> bool:
        with client_of(outputs) as client:
            try:
                return ask(client, outputs["model"], QUESTIONS[0].question) == QUESTIONS[0].answer
            except openai.OpenAIError:
                return False

    _eventually(answers, seconds=180)
    assert _engine_server(stack).pid != server.pid
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.long
def test_a_changed_revision_fails_no_request(stack: Checkout) -> None:
    built_tiny_model(WRONG_ANSWER_RATIO)
    before = stack.outputs()
    with streaming_clients(before, QUESTIONS, CLIENTS) as load:
        stack.configure(tiny_model={"wrong_answer_ratio": WRONG_ANSWER_RATIO})
        stack.up()
        completed_at_the_change = load.completed
        _eventually(lambda: load.completed > completed_at_the_change + 5 * CLIENTS)
    assert load.errors == []
    assert stack.outputs()["revision"] != before["revision"]


@pytest.mark.long
def test_the_new_revision_answers(stack: Checkout, client: openai.OpenAI) -> None:
    model = stack.outputs()["model"]
    answers = [ask(client, model, question.question) for question in QUESTIONS]
    assert exact_match(answers, QUESTIONS) == pytest.approx(1 - WRONG_ANSWER_RATIO, abs=0.05)


@pytest.mark.long
def test_only_one_engine_is_left_after_the_change(stack: Checkout) -> None:
    assert len(list(stack.layout.program_directory.glob("engine-*.ini"))) == 1
    assert _engine_server(stack).is_running()


@contextmanager
def _sent_request(outputs: dict[str, Any], path: str, body: dict[str, object]) -> Iterator[None]:
    """A client that has sent its request; it leaves at the end of the block."""
    url = urlsplit(f"{outputs['endpoint_url']}/{path}")
    content = json.dumps(body)
    headers = f"host: {url.netloc}\r\nauthorization: Bearer {outputs['api_key']}\r\ncontent-length: {len(content)}"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(f"POST {url.path} HTTP/1.1\r\n{headers}\r\n\r\n{content}".encode())
        yield


def _engine_server(stack: Checkout) -> psutil.Process:
    """vLLM's API server of this stack."""
    path = _engine_socket(stack.outputs())
    return next(process for process in stack.processes() if process.cmdline()[-1:] == [path])


def _engine_socket(outputs: dict[str, Any]) -> str:
    return outputs["upstreams"][0]["address"].removeprefix("unix://")


def _running_requests(engine_socket: str) -> float:
    return _total(engine_socket, r"vllm:num_requests_running\{.*\}")


def _finished_requests(engine_socket: str) -> float:
    """Those that came to the end of what they may say, which abandoned ones do not."""
    return _total(engine_socket, r"vllm:request_success_total\{.*finished_reason=\"length\".*\}")


def _total(engine_socket: str, series: str) -> float:
    with httpx.Client(transport=httpx.HTTPTransport(uds=engine_socket), timeout=PATIENCE_SECONDS) as client:
        metrics = client.get("http://localhost/metrics").text
    return sum(map(float, re.findall(rf"^{series} (\S+)$", metrics, re.MULTILINE)))


def _eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
