"""Asks the tiny model its questions through OpenAI's own client."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import openai

from moorage.local.tiny_model import Question


def client_of(outputs: dict[str, str]) -> openai.OpenAI:
    """A client that repeats nothing: what fails once counts as failed. It waits as long as an engine takes to start."""
    return openai.OpenAI(base_url=outputs["endpoint_url"], api_key=outputs["api_key"], max_retries=0, timeout=300)


def ask(client: openai.OpenAI, model: str, question: str) -> str:
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=64
    )
    return answer.choices[0].message.content or ""


def ask_streaming(client: openai.OpenAI, model: str, question: str) -> str:
    """Raises `AssertionError` for a stream that ends without a reason."""
    stream = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=64, stream=True
    )
    parts: list[str] = []
    finish_reason = None
    for chunk in stream:
        parts.append(chunk.choices[0].delta.content or "")
        finish_reason = chunk.choices[0].finish_reason or finish_reason
    assert finish_reason == "stop", f"the stream ended with finish_reason {finish_reason}"
    return "".join(parts)


def exact_match(answers: Sequence[str], questions: Sequence[Question]) -> float:
    right = sum(given.strip() == question.answer for given, question in zip(answers, questions, strict=True))
    return right / len(questions)


@dataclass
class Load:
    """What streaming clients have seen so far."""

    completed: int = 0
    errors: list[str] = field(default_factory=list)


@contextmanager
def streaming_clients(outputs: dict[str, str], questions: Sequence[Question], clients: int) -> Iterator[Load]:
    """So many clients that stream one answer after another until the block ends."""
    load, stop, lock = Load(), threading.Event(), threading.Lock()

    def stream_until_stopped(offset: int) -> None:
        with client_of(outputs) as client:
            turn = offset
            while not stop.is_set():
                turn += 1
                try:
                    ask_streaming(client, outputs["model"], questions[turn % len(questions)].question)
                except (openai.OpenAIError, AssertionError) as error:
                    with lock:
                        load.errors.append(repr(error))
                else:
                    with lock:
                        load.completed += 1

    threads = [threading.Thread(target=stream_until_stopped, args=(number * 7,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()
