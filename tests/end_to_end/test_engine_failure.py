"""A model that passes every check beforehand, and that vLLM cannot load."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import Checkout
from tests.end_to_end.tiny_model import built_tiny_model

# The model is built first where no stack has built it yet.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def broken_stack(tmp_path: Path) -> Iterator[Checkout]:
    model = tmp_path / "model"
    shutil.copytree(built_tiny_model(), model)
    config = json.loads((model / "config.json").read_text())
    config["architectures"] = ["NoSuchModel"]
    (model / "config.json").write_text(json.dumps(config))
    folder = tmp_path / "checkout"
    folder.mkdir()
    checkout = Checkout(folder, {"model": {"source": str(model)}})
    yield checkout
    checkout.destroy()


def test_the_error_is_vllms_own_and_nothing_is_left_running(broken_stack: Checkout) -> None:
    result = broken_stack.up(check=False)
    assert result.returncode != 0
    assert "engine ended before it was ready:" in result.stdout
    assert "NoSuchModel" in result.stdout
    assert "the whole log:" in result.stdout
    assert "Traceback" not in result.stdout
    assert broken_stack.processes() == []
