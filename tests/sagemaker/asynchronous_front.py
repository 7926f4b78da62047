"""The asynchronous side of SageMaker's runtime: it verifies signatures, reads requests from S3, and writes there what a
container answers.

botocore's model of `InvokeEndpointAsync` says the headers; names of what is written:
docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html (read 2026-11-25).
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.gateway.sagemaker.signature import AwsError, Key, SignedRequest, verify
from tests.loopback_server import Quiet, serving

_PREFIX = "X-Amzn-SageMaker-"


class AsynchronousFront:
    """Before one container, as an endpoint's configuration says.

    Args:
        endpoint_name: as SageMaker has it.
        configuration: its `asyncInferenceConfig`.
        container: whose address `/invocations` is at.
        s3: a client that may read what is asked and write what is answered.
        keys: who may ask, by access key id.
        region: the endpoint's, for which requests are signed.
    """

    def __init__(
        self,
        endpoint_name: str,
        configuration: Mapping[str, Any],
        container: str,
        s3: Any,
        *,
        keys: Mapping[str, Key],
        region: str,
    ) -> None:
        self._keys, self._region = keys, region
        output = configuration["outputConfig"]
        self.path = f"/endpoints/{endpoint_name}/async-invocations"
        self._answers, self._failures = output["s3OutputPath"], output["s3FailurePath"]
        self._key_arn = output["kmsKeyId"]
        self._container, self._s3 = container, s3
        self._workers = ThreadPoolExecutor(configuration["clientConfig"]["maxConcurrentInvocationsPerInstance"])

    def admit(self, request: SignedRequest) -> None:
        """Raises `AwsError` for a signature that is none of its keys', and for a path that is not the endpoint's."""
        verify(request, self._keys, self._region, "sagemaker", datetime.now(UTC))
        if request.path != self.path:
            # A call for an answer at once is none for such an endpoint.
            raise AwsError(400, "ValidationError", "The endpoint takes asynchronous requests alone.")

    def accept(self, input_location: str, content_type: str, timeout_seconds: float) -> dict[str, str]:
        """The answer's headers: where to look. The request itself comes to the container later."""
        inference_id = str(uuid.uuid4())
        places = f"{self._answers}/{inference_id}.out", f"{self._failures}/{inference_id}-error.out"
        self._workers.submit(self._work, input_location, content_type, timeout_seconds, *places)
        return {
            "InferenceId": inference_id,
            f"{_PREFIX}OutputLocation": places[0],
            f"{_PREFIX}FailureLocation": places[1],
        }

    def _work(self, asked: str, content_type: str, timeout_seconds: float, answer: str, failure: str) -> None:
        place = urlsplit(asked)
        body = self._s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        with httpx.Client(base_url=self._container, trust_env=False, timeout=timeout_seconds) as client:
            answered = client.post("/invocations", content=body, headers={"content-type": content_type})
        written = urlsplit(answer if answered.is_success else failure)
        self._s3.put_object(
            Bucket=written.netloc,
            Key=written.path.lstrip("/"),
            Body=answered.content,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self._key_arn,
        )


@contextmanager
def served(front: AsynchronousFront) -> Iterator[str]:
    """Its address."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                front.admit(SignedRequest("POST", path, query, headers, body))
            except AwsError as error:
                self.answer(error.status, json.dumps(error.document).encode(), {"x-amzn-errortype": error.error_type})
                return
            places = front.accept(
                self.headers[f"{_PREFIX}InputLocation"],
                self.headers[f"{_PREFIX}Content-Type"] or self.headers["Content-Type"],
                float(self.headers.get(f"{_PREFIX}InvocationTimeoutSeconds", 900)),
            )
            inference_id = places.pop("InferenceId")
            self.answer(202, json.dumps({"InferenceId": inference_id}).encode(), places)

    with serving(Handler) as address:
        yield address
