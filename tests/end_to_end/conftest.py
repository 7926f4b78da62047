"""The stack that the modules of this room share: a start of vLLM takes most of a minute."""

from collections.abc import Iterator

import openai
import pytest

from tests.checkout import Checkout
from tests.end_to_end.conversation import client_of


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    try:
        checkout.up()
        yield checkout
    finally:
        checkout.destroy()


@pytest.fixture
def client(stack: Checkout) -> Iterator[openai.OpenAI]:
    with client_of(stack.outputs()) as opened:
        yield opened
