"""What a user can write wrong into a stack's file, through the real program and the literal CLI."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import Checkout
from tests.small_model import write_small_model


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    created = Checkout(tmp_path_factory.mktemp("checkout"))
    yield created
    created.configure()
    created.destroy()


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"gatway": {"port": 8001}}, "gatway: unknown key"),
        ({"gateway": {"port": "many"}}, 'gateway.port = "many": must be'),
        ({"gateway": {"settings": {"cache": {"ttl_seconds": 0}}}}, "gateway.settings.cache.ttl_seconds = 0: must be"),
        ({"cloud": "mars"}, "cloud = mars with option = always-on: possible is local with always-on"),
        ({"gateway": {"host": "0.0.0.0", "authentication": "none"}}, "gateway.authentication"),
        ({"model": {"source": "/no/such/folder"}}, "/no/such/folder: there is no such folder"),
        ({"model": {"source": "s3://bucket/model"}}, "model.source = s3://bucket/model: a cluster reads it"),
        ({"tiny_model": {"wrong_answer_ratio": 2}}, "tiny_model.wrong_answer_ratio = 2: must be"),
    ],
    ids=[
        "unknown key",
        "wrong type",
        "gateway's own",
        "impossible combination",
        "open to all",
        "no folder",
        "source",
        "range",
    ],
)
def test_one_mistake_is_one_clear_error(checkout: Checkout, configuration: dict[str, object], message: str) -> None:
    checkout.configure(**configuration)
    assert message in _refusal(checkout)


def test_all_mistakes_are_reported_at_once(checkout: Checkout) -> None:
    checkout.configure(gateway={"port": 0}, load={"concurrent_requests": "all"}, engine={"alow_downtime": True})
    refusal = _refusal(checkout)
    for key in ("gateway.port", "load.concurrent_requests", "engine.alow_downtime"):
        assert key in refusal


def test_a_truncated_model_is_refused_before_anything_starts(checkout: Checkout, tmp_path: Path) -> None:
    model = write_small_model(tmp_path / "model")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    checkout.configure(model={"source": str(model)})
    assert "model.safetensors" in _refusal(checkout)


def test_a_port_in_use_is_refused_before_the_engine_starts(checkout: Checkout, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        model = write_small_model(tmp_path / "model", head_dim=32)
        checkout.configure(gateway={"port": port}, model={"source": str(model)})
        result = checkout.up(check=False)
    assert result.returncode != 0
    assert f"port {port} on 127.0.0.1 is in use by" in result.stdout
    assert checkout.processes() == []


def _refusal(checkout: Checkout) -> str:
    """What `pulumi preview` prints; it fails without a stack trace."""
    result = checkout.pulumi("preview", "--stack", "test", check=False)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    return result.stdout
