"""A whole stack on this machine: a no-op `pulumi up`, and real vLLM straight and through the gateway.

`python benchmarks/stack.py` brings a stack of its own up in a temporary folder. The exit code is 1 when a bar is
missed. Takes about four minutes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from load import measure_streams
from report import Figure, report

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.checkout import STACK, Checkout

CONCURRENCY, TOKENS, ROUNDS, NO_OP_RUNS = 32, 400, 9, 3
REQUEST = {"max_tokens": TOKENS, "temperature": 0, "ignore_eos": True}


def tokens_per_second(base_url: str, outputs: dict[str, Any]) -> float:
    """Output tokens of 32 streams of 400 tokens each, over the time from the first request to the last answer."""
    started = time.perf_counter()
    streams = measure_streams(
        base_url, outputs["api_key"], outputs["model"], CONCURRENCY, ramp_seconds=0, extra_body=REQUEST
    )
    uvloop.run(streams)
    return CONCURRENCY * TOKENS / (time.perf_counter() - started)


def throughput(outputs: dict[str, Any]) -> Figure:
    """The two sides in turn, first the one and then the other, because the machine's speed drifts."""
    engine, gateway = outputs["upstreams"][0]["address"], outputs["endpoint_url"].removesuffix("/v1")
    for base_url in (engine, gateway):
        tokens_per_second(base_url, outputs)
    pairs: list[tuple[float, float]] = []
    for turn in range(ROUNDS):
        order = (engine, gateway) if turn % 2 else (gateway, engine)
        rates = {base_url: tokens_per_second(base_url, outputs) for base_url in order}
        pairs.append((rates[engine], rates[gateway]))
    ratio = statistics.median(through / direct for direct, through in pairs)
    direct, through = (statistics.median(side) for side in zip(*pairs, strict=True))
    name = f"output tokens/s, {CONCURRENCY} streams, through : direct"
    return Figure(name, ratio, "", bar=0.98, direct=direct, through=through, bar_is_least=True)


def no_op(checkout: Checkout) -> Figure:
    """The literal command, its own preview included."""
    runs = []
    for _ in range(NO_OP_RUNS):
        started = time.perf_counter()
        checkout.pulumi("up", "--yes", "--stack", STACK)
        runs.append(time.perf_counter() - started)
    return Figure("no-op pulumi up", statistics.median(runs), "s", bar=10)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder))
        try:
            started = time.perf_counter()
            checkout.up()
            figures = [Figure("pulumi up, until the first answer can be had", time.perf_counter() - started, "s")]
            figures += [no_op(checkout), throughput(checkout.outputs())]
        finally:
            checkout.destroy()
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
