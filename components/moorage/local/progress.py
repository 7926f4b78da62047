"""Tells the user of `pulumi up` how far long work is."""

import sys

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


def report(message: str) -> None:
    """Shows `message` as the operation's status.

    The engine passes its address to every provider as the first argument; a dynamic provider gets no logger of its own.
    """
    engine_address = sys.argv[1] if len(sys.argv) > 1 else ""
    if not engine_address:
        return
    request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, ephemeral=True)
    with grpc.insecure_channel(engine_address) as channel:
        engine_pb2_grpc.EngineStub(channel).Log(request)  # pyright: ignore[reportUnknownMemberType]
