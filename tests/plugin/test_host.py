"""The plugin's own process, before an engine that takes its time."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
AT_ONCE = 40
"""More than the threads that asyncio has by itself, which are 32 at the most."""
SPARE = 4
"""Threads of the engine that are left for all else."""
ANSWER_SECONDS = 60


class BusyEngine(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Lets every registration wait until the test is over."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.over = threading.Event()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.waiting.release()
        self.over.wait()
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:test::test::{request.type}::{request.name}")


@contextmanager
def busy_engine() -> Generator[tuple[BusyEngine, str]]:
    """It, and its address."""
    engine = BusyEngine()
    server = grpc.server(ThreadPoolExecutor(AT_ONCE + SPARE))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(engine, server)
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield engine, f"127.0.0.1:{port}"
    finally:
        engine.over.set()
        server.stop(grace=None).wait()


@contextmanager
def plugin(engine: str) -> Generator[provider_pb2_grpc.ResourceProviderStub]:
    """As the engine starts it."""
    command = [sys.executable, "-u", str(PLUGIN), engine]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ), text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.kill()


def construct(name: str, engine: str) -> Any:
    inputs = Struct()
    inputs.update({"namespace": "harbour", "weightsGib": 10})
    return provider_pb2.ConstructRequest(
        project="test", stack="test", monitorEndpoint=engine, type="moorage:index:ModelCache", name=name, inputs=inputs
    )


def test_it_answers_while_more_resources_wait_than_there_are_threads():
    with busy_engine() as (engine, address), plugin(address) as provider:
        under_way = [provider.Construct.future(construct(f"cache-{index}", address)) for index in range(AT_ONCE)]
        for _ in range(AT_ONCE):
            assert engine.waiting.acquire(timeout=ANSWER_SECONDS)
        with pytest.raises(grpc.RpcError) as refusal:
            provider.DiffConfig(provider_pb2.DiffRequest(), timeout=ANSWER_SECONDS)
        assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
        for call in under_way:
            call.cancel()
