"""How a process is replaced under load."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from moorage.local.preflight import any_free_port
from tests.pulumi_engine.stack import NEVER_LOADED, Stack, ask_health, ask_health_at, wait_for

pytestmark = pytest.mark.long

MakeStack = Callable[..., Stack]
CLIENTS = 8


def test_no_stream_fails_while_the_engine_is_replaced(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    with _streaming_clients(stack) as results:
        stack.configure(revision="two")
        stack.up()
        wait_for(lambda: results[-1:] == ["two"])
    assert {outcome for outcome in results if outcome not in {"one", "two"}} == set()
    assert results[-1] == "two"


def test_the_old_engine_takes_what_was_on_its_way_when_the_gateway_turned_to_the_new_one(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"), pre_stop_seconds=12)
    stack.up()
    old = stack.outputs()["engine_address"]
    with _streaming_clients(stack) as results, ThreadPoolExecutor() as background:
        stack.configure(revision="two")
        update = background.submit(stack.up)
        # A stream takes two seconds.
        wait_for(lambda: "two" in results)
        assert ask_health_at(old)["revision"] == "one"
        update.result()
    with pytest.raises(OSError, match=r".*"):
        ask_health_at(old)


def test_no_stream_fails_while_the_gateway_is_replaced_on_its_port(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    with _streaming_clients(stack) as results:
        stack.configure(gateway_version="2")
        stack.up()
        time.sleep(1)
    assert set(results) == {"one"}


def test_no_stream_fails_while_an_engine_on_demand_is_replaced(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"), on_demand=True)
    stack.up()
    with _streaming_clients(stack) as results:
        wait_for(lambda: "one" in results)
        stack.configure(revision="two")
        stack.up()
        wait_for(lambda: results[-1] == "two")
    assert set(results) == {"one", "two"}


def test_a_request_that_waits_for_an_engine_is_answered_by_its_replacement(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"), on_demand=True, arguments=NEVER_LOADED)
    stack.up()
    with _streaming_clients(stack) as results:
        stack.configure(revision="two", arguments=[])
        stack.up()
        wait_for(lambda: results)
    assert set(results) == {"two"}


def test_an_engine_always_on_becomes_one_on_demand_and_back(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    with _streaming_clients(stack) as results:
        for on_demand, revision in ((True, "two"), (False, "one")):
            stack.configure(on_demand=on_demand, revision=revision)
            stack.up()
            wait_for(lambda revision=revision: results[-1] == revision)
    assert set(results) == {"one", "two"}


def test_a_replacement_that_does_not_start_leaves_the_old_one_serving(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    stack.configure(revision="two", arguments=["--fail", "no such weights"])
    failed = stack.up(check=False)
    assert failed.returncode != 0
    assert "no such weights" in failed.stdout
    assert ask_health(stack)["revision"] == "one"


def test_with_downtime_allowed_the_old_one_goes_first(make_stack: MakeStack) -> None:
    stack = make_stack(allow_downtime=True)
    stack.up()
    stack.configure(revision="two")
    output = stack.up().stdout
    assert output.index("draining") < output.index("engine: starting")


def test_changed_upstreams_do_not_restart_the_gateway(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    before = _gateway_pids(stack)
    stack.configure(revision="two")
    stack.up()
    assert _gateway_pids(stack) == before != []


def _gateway_pids(stack: Stack) -> list[int]:
    return [process.pid for process in stack.processes() if "moorage_serving.gateway" in process.cmdline()]


@contextmanager
def _streaming_clients(stack: Stack) -> Iterator[list[str]]:
    """Eight clients, each with one stream after another; the list gets each stream's revision, or its error."""
    outputs = stack.outputs()
    results: list[str] = []
    stop = threading.Event()
    threads = [threading.Thread(target=_stream_until, args=(outputs, stop, results)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    yield results
    stop.set()
    for thread in threads:
        thread.join()


def _stream_until(outputs: dict[str, str], stop: threading.Event, results: list[str]) -> None:
    headers = {"authorization": f"Bearer {outputs['api_key']}"}
    body = {"model": "small", "stream": True, "messages": [{"role": "user", "content": "which?"}]}
    with httpx.Client(headers=headers, timeout=60) as client:
        while not stop.is_set():
            try:
                answer = client.post(f"{outputs['endpoint_url']}/chat/completions", json=body)
            except httpx.TransportError as error:
                results.append(repr(error))
                continue
            revisions = {name for name in ("one", "two") if f'"content": "{name}"' in answer.text}
            complete = answer.text.endswith("data: [DONE]\n\n") and len(revisions) == 1
            results.append(revisions.pop() if complete else answer.text)
