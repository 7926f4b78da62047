"""OpenAI's own client works against the gateway, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from .processes import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .processes import Gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as opened:
        yield opened


@pytest.mark.parametrize("model", ["moored", "moored-uds"])
def test_answers_a_chat(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Where is the pier?"}])
    assert answer.choices[0].message.content == "Where is the pier? t1 t2"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


@pytest.mark.parametrize("model", ["moored", "moored-uds"])
def test_streams_a_chat(client: openai.OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Where is the pier?"}], stream=True
    )
    events = list(stream)
    assert "".join(event.choices[0].delta.content or "" for event in events) == "Where is the pier? t1 t2"
    assert all(event.usage is None for event in events)


def test_streams_usage_to_a_client_that_asks(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="moored",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 10


def test_answers_a_completion(client: openai.OpenAI) -> None:
    assert client.completions.create(model="moored", prompt="Once").choices[0].text == "Once t1 t2"


def test_streams_a_completion(client: openai.OpenAI) -> None:
    events = client.completions.create(model="moored", prompt="Once", stream=True)
    assert "".join(event.choices[0].text for event in events) == "Once t1 t2"


def test_answers_embeddings(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="moored", input="pier", encoding_format="float")
    assert answer.data[0].embedding == [0.5, 0.25]


def test_lists_the_configured_models_once(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["moored", "moored-uds", "limited", "spare", "dead", "with-token", "overflow"]


def test_raises_its_own_error_types(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such", messages=[])
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").models.list()


def test_raises_when_a_stream_breaks_off(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="moored",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        extra_body={"fake_engine": {"fault": "reset"}},
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "upstream_failed"
