"""The stack becomes one whose engine runs only while it is used. The tests run in this order, after those of
`test_local_stack.py`.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools.bootstrap.paths import CACHE

from moorage.local.tiny_model import read_questions, tiny_model_folder
from tests.checkout import STACK, Checkout
from tests.end_to_end.conversation import ask, ask_streaming, client_of

# The first run on a machine trains the model and fills vLLM's caches.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

QUESTIONS = read_questions()
IDLE_SECONDS = 5
PATIENCE_SECONDS = 60


def test_the_other_option_is_an_update_that_leaves_no_engine_running(stack: Checkout) -> None:
    stack.configure(option="serverless", engine={"idle_seconds": IDLE_SECONDS})
    stack.up()
    assert stack.outputs()["option"] == "serverless"
    assert state_of(stack) == "stopped"
    assert not socket_of(stack).exists()
    assert [process for process in stack.processes() if str(socket_of(stack)) in process.cmdline()] == []


def test_the_first_requests_start_it_and_are_answered_right(stack: Checkout) -> None:
    outputs = stack.outputs()

    def answer(number: int) -> str:
        with client_of(outputs) as client:
            asking = ask_streaming if number % 2 else ask
            return asking(client, outputs["model"], QUESTIONS[number].question)

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(answer, range(4)))
    assert answers == [question.answer for question in QUESTIONS[:4]]
    assert metric(stack, "moorage_activator_starts_total") == 1


def test_the_cold_start_is_told_by_phase(stack: Checkout) -> None:
    # The gateway may have seen before the activator that the engine is there.
    for phase in ("start", "weights", "engine"):
        eventually(lambda phase=phase: metric(stack, f'moorage_cold_start_seconds_count{{phase="{phase}"}}') == 1)
    # The weights of the tiny model are loaded in 0.2 s, which a busy machine spends between two looks at the log.
    for phase in ("start", "engine"):
        assert metric(stack, f'moorage_cold_start_seconds_sum{{phase="{phase}"}}') > 0


def test_it_is_stopped_when_idle_and_that_is_no_change(stack: Checkout) -> None:
    eventually(lambda: state_of(stack) == "stopped")
    assert metric(stack, "moorage_activator_idle_stops_total") == 1
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_a_stream_that_waits_for_it_is_kept_awake_and_ends_right(stack: Checkout) -> None:
    outputs = stack.outputs()
    question = {"role": "user", "content": QUESTIONS[0].question}
    body = {"model": outputs["model"], "messages": [question], "temperature": 0, "stream": True}
    headers = {"authorization": f"Bearer {outputs['api_key']}"}
    with httpx.stream(
        "POST", f"{outputs['endpoint_url']}/chat/completions", json=body, headers=headers, timeout=300
    ) as answer:
        assert answer.status_code == 200
        text = answer.read().decode()
    assert text.startswith(": waiting for the engine\n\n")
    assert text.endswith("data: [DONE]\n\n")
    assert "".join(re.findall(r'"content":"([^"]*)"', text)) == QUESTIONS[0].answer
    assert metric(stack, "moorage_activator_starts_total") == 2


def test_destroy_leaves_no_process_or_file(stack: Checkout) -> None:
    stack.destroy()
    assert stack.processes() == []
    assert not stack.layout.directory.exists()
    assert not stack.layout.runtime_directory.exists()
    assert tiny_model_folder(CACHE, wrong_answer_ratio=0.0).exists()


def socket_of(stack: Checkout) -> Path:
    return Path(stack.outputs()["upstreams"][0]["address"].removeprefix("unix://"))


def ask_activator(stack: Checkout, path: str) -> httpx.Response:
    hook = stack.outputs()["upstreams"][0]["activation"]["address"]
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=hook.removeprefix("unix://")), timeout=PATIENCE_SECONDS
    ) as client:
        return client.get(f"http://localhost{path}")


def state_of(stack: Checkout) -> Any:
    return ask_activator(stack, "/state").json()["state"]


def metric(stack: Checkout, sample: str) -> float:
    lines = ask_activator(stack, "/metrics").text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} "))


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
        time.sleep(0.5)
