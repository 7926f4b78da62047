"""The process that Pulumi's engine starts beside a program in another language."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from moorage.credentials.credential import Credential
from moorage.plugin.provider import ComponentsProvider
from moorage.plugin.schema import FILE
from moorage.plugin.servicer import PluginServicer

_OPTIONS = (("grpc.max_receive_message_length", 400 * 2**20),)
"""As Pulumi's own servers have it (pulumi 3.272.0, pulumi/runtime/_grpc_settings.py)."""

_REGISTRATIONS = 256
"""Requests that may wait for the engine at once: each resource blocks a thread of the SDK until it is made, and by
default there are as few threads as the machine has cores, and four more."""


def main() -> None:
    """Serves until it is stopped; prints the port it listens on, as the engine expects."""
    arguments = ArgumentParser()
    arguments.add_argument("engine", help="address of Pulumi's engine")
    known, _ = arguments.parse_known_args()
    asyncio.run(_serve(known.engine))


async def _serve(engine_address: str) -> None:
    Credential.in_plugin = True
    schema = FILE.read_text()
    provider = ComponentsProvider(json.loads(schema)["version"], schema)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_REGISTRATIONS))
    # Of its own, for what the SDK answers in threads: where all wait for the engine, and the engine for an answer,
    # nothing would ever go on.
    server = grpc.aio.server(ThreadPoolExecutor(), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        PluginServicer(provider, sys.argv[1:], engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()
