"""An engine behind an Amazon SageMaker real-time endpoint.

Of the AWS SDK this uses what is hard to get right: the credential chain, Signature Version 4 and the event stream's
decoder. A request goes over the same HTTP client as to any other engine: the SDK's own costs several times as much per
request, and reads ahead of a slow client.

Import this module only where such an engine is configured: the SDK takes about 10 MB.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.endpoint_provider import RuleSetStandardLibrary
from botocore.loaders import create_loader
from yarl import URL

from moorage_serving.gateway.errors import request_too_large
from moorage_serving.gateway.upstream.cloud_http import CompleteAnswer, answer_of, open_cloud_connections, read_error
from moorage_serving.gateway.upstream.connections import Answer, BrokenError, ConnectError, HttpTransport
from moorage_serving.gateway.upstream.sagemaker_credentials import AwsCredentials
from moorage_serving.gateway.upstream.sagemaker_refusal import MAX_BODY_BYTES, Refusal
from moorage_serving.gateway.upstream.sagemaker_stream import EventStreamAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import ReadOnlyCredentials

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import SageMakerUpstreamConfig

SIGNING_NAME = "sagemaker"
# The only header of ours that reaches the container. AWS's vLLM image sends /invocations on to the path named here
# (github.com/aws/deep-learning-containers, scripts/docker/vllm/sagemaker_serve.py, 2026-08-21). vLLM's own
# /invocations ignores it, and chooses between chat, completions and embeddings by the body.
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_COMPONENT = "x-amzn-sagemaker-inference-component"
TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
NO_VARIANT = "-"


class SageMakerTransport(HttpTransport):
    """One endpoint and the connections to it. Must be made in a running event loop.

    `address` is used instead of the Region's public one. Timeouts of the answer are the caller's; SageMaker's own are
    60 seconds for a whole answer, and 8 minutes for a stream.
    """

    def __init__(
        self,
        *,
        endpoint_name: str,
        region: str,
        inference_component: str | None = None,
        address: str | None = None,
        connect_seconds: float = 5,
    ) -> None:
        super().__init__(open_cloud_connections(connect_seconds))
        endpoint = f"{address or public_address(region)}/endpoints/{endpoint_name}"
        self._invoke = URL(f"{endpoint}/invocations", encoded=True)
        self._invoke_with_response_stream = URL(f"{endpoint}/invocations-response-stream", encoded=True)
        self._region = region
        self._target = {} if inference_component is None else {INFERENCE_COMPONENT: inference_component}
        self._credentials = AwsCredentials()

    @classmethod
    def from_config(cls, config: SageMakerUpstreamConfig, timeouts: Timeouts) -> Self:
        return cls(
            endpoint_name=config.endpoint_name,
            region=config.region,
            inference_component=config.inference_component,
            address=config.address,
            connect_seconds=timeouts.connect_seconds,
        )

    async def send(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer | EventStreamAnswer | CompleteAnswer:
        """Invoke the model. Raises ConnectError when the model has not seen the request, and BrokenError.

        Of `headers` only the content type goes along: SageMaker drops what its API does not name.
        """
        if len(body) > MAX_BODY_BYTES:
            return answer_of(request_too_large(MAX_BODY_BYTES))
        attributes = {
            "content-type": headers.get("content-type", "application/json"),
            CUSTOM_ATTRIBUTES: f"route={path}",
            **self._target,
        }
        answer = await self._invoke_model(body, attributes, streams=asks_for_stream(body))
        return answer.told() if isinstance(answer, Refusal) else answer

    async def probe(self, timeout_seconds: float) -> str | None:
        """Ask SageMaker to refuse a request. None when it took the signature, else what is wrong.

        Names a variant that no endpoint can have (the API reference's pattern for TargetVariant excludes it), so that
        the request ends in a ValidationError, after name look-up, TLS and signature. Not an invocation: those count as
        demand, which would wake an endpoint that is scaled to zero, or keep it up. Not DescribeEndpoint: that belongs
        to the control plane, with its own permission, address and low rate limit. SageMaker itself watches the
        containers (/ping); what the endpoint is worth otherwise shows in the answers to requests.
        """
        headers = {"content-type": "application/json", TARGET_VARIANT: NO_VARIANT}
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._invoke_model(b"{}", headers, streams=False)
        except TimeoutError:
            return f"SageMaker did not answer within {timeout_seconds:g} s"
        except (ConnectError, BrokenError) as error:
            return f"unreachable: {error}"
        if isinstance(answer, Refusal):
            return None if answer.is_alive else f"SageMaker answered {answer.error_type}"
        answer.close()
        return None

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self._credentials.close()
        await self._connections.close()

    async def _invoke_model(
        self, body: bytes, headers: Mapping[str, str], *, streams: bool
    ) -> Answer | EventStreamAnswer | Refusal:
        credentials = await self._credentials.current()
        answer = await self._invoke_once(body, headers, credentials, streams=streams)
        if isinstance(answer, Refusal) and answer.is_about_credentials:
            renewed = await self._credentials.renewed(credentials)
            if renewed is not None:
                return await self._invoke_once(body, headers, renewed, streams=streams)
        return answer

    async def _invoke_once(
        self, body: bytes, headers: Mapping[str, str], credentials: ReadOnlyCredentials, *, streams: bool
    ) -> Answer | EventStreamAnswer | Refusal:
        url = self._invoke_with_response_stream if streams else self._invoke
        signed = sign(credentials, self._region, str(url), headers, body)
        response = await self._connections.request("POST", url, signed, body)
        if response.status != 200:
            return Refusal.parse(response.status, response.headers, await read_error(response))
        return EventStreamAnswer(response) if streams else Answer(response)


def sign(
    credentials: ReadOnlyCredentials, region: str, url: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """The headers with those of Signature Version 4."""
    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    SigV4Auth(credentials, SIGNING_NAME, region).add_auth(request)
    return dict(request.headers.items())


def asks_for_stream(body: bytes) -> bool:
    """Whether the engine will answer with a stream: SageMaker has to be told by the operation."""
    return b'"stream"' in body and orjson.loads(body).get("stream") is True


def public_address(region: str) -> str:
    """The Region's address of the SageMaker runtime, as the AWS SDK has it."""
    partition = RuleSetStandardLibrary(create_loader().load_data("partitions")).aws_partition(region)
    return f"https://runtime.sagemaker.{region}.{partition['dnsSuffix']}"
