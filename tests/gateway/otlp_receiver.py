"""A collector: a real server for OTLP over HTTP, which decodes the protobuf and keeps what it gets."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpReceiver:
    """Use as a context manager. `bodies` is everything that arrived, uncompressed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.spans: list[Span] = []
        self.exports: list[ExportMetricsServiceRequest] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                answer = receiver.take(self.path, self.headers["content-type"], body)
                self.send_response(200 if answer is not None else 400)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, content_type: str, body: bytes) -> bytes | None:
        """The answer to one export; None refuses it."""
        if content_type != "application/x-protobuf":
            return None
        self.bodies.append(body)
        match path:
            case "/v1/traces":
                traces = ExportTraceServiceRequest.FromString(body)
                self.spans += [span for r in traces.resource_spans for s in r.scope_spans for span in s.spans]
                return ExportTraceServiceResponse().SerializeToString()
            case "/v1/metrics":
                self.exports.append(ExportMetricsServiceRequest.FromString(body))
                return ExportMetricsServiceResponse().SerializeToString()
        return None

    def metrics(self) -> dict[str, Metric]:
        """The last export, by name."""
        exports = self.exports[-1:]
        return {m.name: m for e in exports for r in e.resource_metrics for s in r.scope_metrics for m in s.metrics}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def attributes(carrier: Any) -> dict[str, Any]:
    """The attributes of a span or a data point."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in carrier.attributes}
