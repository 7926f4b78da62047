"""The process that Pulumi's engine starts beside a program in another language."""

import asyncio
import json
import sys
from argparse import ArgumentParser

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from moorage.credentials.credential import Credential
from moorage.plugin.provider import ComponentsProvider
from moorage.plugin.schema import FILE
from moorage.plugin.servicer import PluginServicer

_OPTIONS = (("grpc.max_receive_message_length", 400 * 2**20),)
"""As Pulumi's own servers have it (pulumi 3.272.0, pulumi/runtime/_grpc_settings.py)."""


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
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        PluginServicer(provider, sys.argv[1:], engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()
