"""Runs Python programs for a Pulumi CLI that was built from Go modules.

The official installer brings `pulumi-language-python`; the Go modules do not contain it. This host serves the same
protocol with the SDK's own server for inline programs, and runs the project's `main` as that program.

Usage: language_host.py ENGINE_ADDRESS (as the engine calls it). Prints the port it listens on.
"""

import json
import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.errors import RunError
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

_DEFAULT_VIRTUALENV = "venv"
"""Of a plugin, as the official host has it (github.com/pulumi/pulumi/pull/18371, read 2026-11-25)."""


class ProgramHost(LanguageServer):
    """Answers the engine: handshake, then one run of the program per operation; and plugins that are Python folders."""

    def __init__(self) -> None:
        super().__init__(program=lambda: None)

    def Handshake(self, request, context):  # noqa: N802
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request, context):  # noqa: N802
        directory = Path(request.info.program_directory)
        entry_point = directory / request.info.entry_point
        self.program = lambda: _run_program(directory, entry_point)
        # As the official host does; a program can list all keys there, unknown ones among them.
        os.environ["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        response = super().Run(request, context)
        if response.error:
            # The SDK has already logged the error to the engine: bail keeps the CLI from printing it twice.
            return language_pb2.RunResponse(bail=True)
        return response

    def InstallDependencies(self, request, context):  # noqa: N802
        """Nothing: set-up has made the environments. The official host makes a plugin's from its requirements.txt."""
        return iter(())

    def RunPlugin(self, request, context):  # noqa: N802
        environment = dict(variable.split("=", 1) for variable in request.env)
        command = [_plugin_python(request.info), "-u", request.info.program_directory, *request.args]
        with subprocess.Popen(
            command, cwd=request.pwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            context.add_callback(process.terminate)
            yield from _output(process)
        yield language_pb2.RunPluginResponse(exitcode=process.returncode)


def _plugin_python(info):
    options = dict(info.options)
    return str(Path(info.root_directory, options.get("virtualenv", _DEFAULT_VIRTUALENV), "bin", "python"))


def _output(process):
    """What the process writes, as it comes, until it has closed both streams."""
    lines = queue.SimpleQueue()

    def read(stream, name):
        for line in stream:
            lines.put(language_pb2.RunPluginResponse(**{name: line}))
        lines.put(None)

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=read, args=(stream, name), daemon=True).start()
    for _ in streams:
        yield from iter(lines.get, None)


def _run_program(directory: Path, entry_point: Path) -> None:
    os.chdir(directory)
    sys.path.insert(0, str(directory))
    try:
        runpy.run_path(str(entry_point), run_name="__main__")
    except SystemExit as stop:
        if stop.code:
            raise RunError(f"the program exited with {stop.code}") from None


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(ProgramHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, lambda *_: server.stop(grace=None))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
