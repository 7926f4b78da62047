"""The test server itself: it knows AWS's published signature, talks to the SDK's own client, and refuses the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiobotocore.session import AioSession
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import EventStreamError

from moorage_serving.gateway.upstream.sagemaker import sign
from tests.gateway.transports import chat

from .conftest import KEY_ID, SECRET
from .front_door import ENDPOINT, REGION, FrontDoor
from .signature import AwsError, Key, SignedRequest, signature, verify

if TYPE_CHECKING:
    from tests.gateway.fake_engine import FakeEngine

pytestmark = pytest.mark.anyio
URL = "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/moored/invocations"
KEYS = {KEY_ID: Key(SECRET), "AKIDTEMPORARY": Key("temporary", "a-session-token")}
CREDENTIALS = ReadOnlyCredentials(KEY_ID, SECRET, None, None)
TEMPORARY = ReadOnlyCredentials("AKIDTEMPORARY", "temporary", "a-session-token", None)


def signed_by_us(credentials: ReadOnlyCredentials = CREDENTIALS, region: str = REGION) -> SignedRequest:
    headers = sign(credentials, region, URL, {"content-type": "application/json"}, b"{}")
    headers["host"] = "runtime.sagemaker.eu-central-1.amazonaws.com"
    return SignedRequest(
        "POST", "/endpoints/moored/invocations", "", {name.lower(): value for name, value in headers.items()}, b"{}"
    )


def check(request: SignedRequest, *, keys: dict[str, Key] = KEYS, later: timedelta = timedelta(0)) -> None:
    verify(request, keys, REGION, "sagemaker", datetime.now(UTC) + later)


def test_the_server_computes_the_signature_that_aws_publishes() -> None:
    # `get-vanilla` of AWS's Signature Version 4 test suite.
    request = SignedRequest("GET", "/", "", {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}, b"")
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    assert signature(request, ["host", "x-amz-date"], secret, "us-east-1", "service") == (
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_our_signature_is_taken_with_and_without_a_session_token() -> None:
    check(signed_by_us())
    check(signed_by_us(TEMPORARY))


@pytest.mark.parametrize(
    ("request_", "error_type"),
    [
        (signed_by_us(CREDENTIALS._replace(secret_key="wrong")), "InvalidSignatureException"),
        (signed_by_us(CREDENTIALS._replace(access_key="AKIDUNKNOWN")), "UnrecognizedClientException"),
        (signed_by_us(TEMPORARY._replace(token="another")), "UnrecognizedClientException"),
        (signed_by_us(region="us-east-1"), "InvalidSignatureException"),
        (replace(signed_by_us(), body=b'{"more":1}'), "InvalidSignatureException"),
        (replace(signed_by_us(), path="/endpoints/another/invocations"), "InvalidSignatureException"),
        (replace(signed_by_us(), headers={"host": "x"}), "MissingAuthenticationTokenException"),
        (
            replace(signed_by_us(), headers={**signed_by_us().headers, "x-amzn-sagemaker-target-variant": "b"}),
            "InvalidSignatureException",
        ),
    ],
    ids=["secret", "key", "token", "region", "body", "path", "unsigned", "header-added"],
)
def test_what_was_signed_otherwise_is_refused(request_: SignedRequest, error_type: str) -> None:
    with pytest.raises(AwsError) as refused:
        check(request_)
    assert (refused.value.status, refused.value.error_type) == (403, error_type)


@pytest.mark.parametrize("later", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_a_signature_is_good_for_five_minutes(later: timedelta) -> None:
    with pytest.raises(AwsError, match="InvalidSignatureException"):
        check(signed_by_us(), later=later)


def test_credentials_that_have_expired_or_lack_the_permission_are_refused() -> None:
    with pytest.raises(AwsError, match="ExpiredTokenException"):
        check(signed_by_us(), keys={KEY_ID: Key(SECRET, expired=True)})
    with pytest.raises(AwsError, match="AccessDeniedException"):
        check(signed_by_us(), keys={KEY_ID: Key(SECRET, allowed=False)})


async def test_the_sdks_own_client_reads_its_answers_streams_and_errors(
    front_door: tuple[FrontDoor, str], engine: tuple[FakeEngine, str]
) -> None:
    client = AioSession().create_client("sagemaker-runtime", region_name=REGION, endpoint_url=front_door[1])
    async with client as sagemaker:
        document = await sagemaker.invoke_endpoint(EndpointName=ENDPOINT, Body=chat(), ContentType="application/json")
        assert await document["Body"].read() == engine[0].answers[-1]

        stream = await sagemaker.invoke_endpoint_with_response_stream(EndpointName=ENDPOINT, Body=chat(stream=True))
        assert stream["ContentType"] == "text/event-stream; charset=utf-8"
        assert b"".join([event["PayloadPart"]["Bytes"] async for event in stream["Body"]]) == engine[0].answers[-1]

        with pytest.raises(sagemaker.exceptions.ModelError) as refused:
            await sagemaker.invoke_endpoint(EndpointName=ENDPOINT, Body=chat(status=400))
        assert refused.value.response["OriginalStatusCode"] == 400
        assert "as told" in json.loads(refused.value.response["OriginalMessage"])["error"]["message"]
        broken = await sagemaker.invoke_endpoint_with_response_stream(
            EndpointName=ENDPOINT, Body=chat(stream=True, fault="reset")
        )
        with pytest.raises(EventStreamError, match="ModelStreamError"):
            [event async for event in broken["Body"]]
