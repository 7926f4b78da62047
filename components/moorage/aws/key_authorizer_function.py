"""Whether a client's key is known: asked by API Gateway before it starts a function that costs more than this one.

This file alone is what AWS Lambda runs. It knows the keys by their SHA-256 only, and decides as the gateway does, which
checks each request again.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from typing import TypedDict

KEYS_VARIABLE = "MOORAGE_KEY_SHA256"
"""Has a JSON object: the id of each key, and the SHA-256 of the key in hexadecimal digits."""
UNKNOWN = "unknown"
"""The principal of whoever has no key that is known."""


class AuthorizerEvent(TypedDict):
    """What is read of an event of type REQUEST (docs.aws.amazon.com/apigateway/latest/developerguide/
    api-gateway-lambda-authorizer-input.html; with `multiValueHeaders` github.com/aws/aws-lambda-go,
    events/testdata/apigw-custom-auth-request-type-request.json; both read 2026-11-25)."""

    methodArn: str
    """`arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`."""
    multiValueHeaders: Mapping[str, Sequence[str]]
    """Their names are as the client has written them."""


def handler(event: AuthorizerEvent, _context: object) -> dict[str, object]:
    """The answer, as API Gateway keeps it for whoever sends the same header again."""
    key_id = key_id_of(event, json.loads(os.environ[KEYS_VARIABLE]))
    return {
        "principalId": UNKNOWN if key_id is None else key_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Deny" if key_id is None else "Allow",
                    "Resource": _whole_stage(event["methodArn"]),
                }
            ],
        },
    }


def key_id_of(event: AuthorizerEvent, keys: Mapping[str, str]) -> str | None:
    """Whose key the request's one Authorization header has; None where it is nobody's."""
    headers = event["multiValueHeaders"].items()
    values = [value for name, values in headers if name.lower() == "authorization" for value in values]
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return None
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    # All are compared, each in the same time: how long it takes says nothing about any of them.
    found = [key_id for key_id, sha256 in keys.items() if hmac.compare_digest(digest, bytes.fromhex(sha256))]
    return found[0] if found else None


def _whole_stage(method_arn: str) -> str:
    """The decision is kept for every method and path."""
    api, stage, *_ = method_arn.split("/")
    return f"{api}/{stage}/*"
