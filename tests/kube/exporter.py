"""Synthetic metrics over HTTP, in Prometheus's text format: what engines and gateways would export."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


class Exporter:
    """Exports the samples that it was last told; none at all until then."""

    def __init__(self, port: int) -> None:
        self.address = f"{HOST}:{port}"
        self.samples: Mapping[str, float] = {}

    @property
    def text(self) -> str:
        return "".join(f"{name} {value}\n" for name, value in self.samples.items())


@contextmanager
def running_exporter() -> Generator[Exporter]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.text.encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    exporter = Exporter(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield exporter
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
