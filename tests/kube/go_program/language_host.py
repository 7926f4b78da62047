"""Runs a compiled Go program: what `pulumi-language-go` does of an installed Pulumi, which is no Go module.

Usage: language_host.py ENGINE_ADDRESS (as the engine calls it). Prints the port it listens on.
"""

import json
import os
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc


class GoHost(LanguageServer):
    """Hands the engine's addresses to the program as Pulumi's SDK for Go reads them: in its environment."""

    def __init__(self) -> None:
        super().__init__(program=lambda: None)

    def Handshake(self, request, context):  # noqa: N802
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request, context):  # noqa: N802
        variables = {
            "ORGANIZATION": request.organization,
            "PROJECT": request.project,
            "STACK": request.stack,
            "CONFIG": json.dumps(dict(request.config)),
            "DRY_RUN": str(request.dryRun).lower(),
            "PARALLEL": str(request.parallel),
            "MONITOR": request.monitor_address,
            "ENGINE": sys.argv[1],
        }
        environment = {**os.environ, **{f"PULUMI_{name}": value for name, value in variables.items()}}
        program = Path(request.info.program_directory) / "program"
        ended = subprocess.run([program], env=environment, capture_output=True, text=True)
        return language_pb2.RunResponse(error=ended.stderr if ended.returncode else "")


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(GoHost(), server)
    sys.stdout.write(f"{server.add_insecure_port('127.0.0.1:0')}\n")
    server.start()
    sys.stdout.flush()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, lambda *_: server.stop(grace=None))
    server.wait_for_termination()


main()
