"""llama.cpp's server alone, started as a function starts it."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from moorage.engine.llama_cpp import llama_cpp_environment
from moorage.local.tiny_model import tiny_model_facts
from moorage_serving.serverless.cold_start import ColdStart
from moorage_serving.serverless.engine import Engine, EngineSettings
from tests.checkout import ROOT

from .environment import free_port, model_spec


@dataclass(frozen=True)
class RunningEngine:
    """An engine and where it listens."""

    port: int

    def ask(self, question: str) -> str:
        """The answer, greedily."""
        body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 64}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
            return json.load(response)["choices"][0]["message"]["content"].strip()


@contextmanager
def running_engine(weights: Path) -> Iterator[RunningEngine]:
    settings = EngineSettings(ROOT / ".tools/llama-cpp/llama-server", weights, free_port())
    with pytest.MonkeyPatch.context() as variables:
        for name, value in llama_cpp_environment(model_spec(), tiny_model_facts(), 2.0).items():
            variables.setenv(name, value)
        engine = Engine(settings, ColdStart(0.0))
    try:
        engine.wait_until_ready()
        yield RunningEngine(settings.port)
    finally:
        engine.stop()
