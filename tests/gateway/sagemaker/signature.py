"""Verifies AWS Signature Version 4, written from its description and without the AWS SDK.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (2026-11)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
MAX_SKEW = timedelta(minutes=5)


class AwsError(Exception):
    """An error answer in the form of restJson1."""

    def __init__(self, status: int, error_type: str, message: str, **more: object) -> None:
        super().__init__(error_type)
        self.status, self.error_type = status, error_type
        self.document = {"message": message, **more}


@dataclass(frozen=True)
class Key:
    """What belongs to one access key id."""

    secret: str
    session_token: str | None = None
    expired: bool = False
    allowed: bool = True


@dataclass(frozen=True)
class SignedRequest:
    """`headers` has lower-case names; `path` is as it was sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def verify(request: SignedRequest, keys: Mapping[str, Key], region: str, service: str, now: datetime) -> None:
    """Raises AwsError with the type and status that AWS services use."""
    if "authorization" not in request.headers:
        raise AwsError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    given = AUTHORIZATION.fullmatch(request.headers["authorization"])
    if given is None:
        raise AwsError(403, "IncompleteSignatureException", "Authorization header requires all of its parts.")
    key = _key_of(request, given["key"], keys)
    _check_date(request.headers.get("x-amz-date", ""), given["date"], now)
    if given["region"] != region:
        raise AwsError(403, "InvalidSignatureException", "Credential should be scoped to a valid region.")
    if given["service"] != service:
        raise AwsError(
            403, "InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'."
        )
    signed = given["signed"].split(";")
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz"))}
    if signed != sorted(signed) or not needed <= set(signed):
        raise AwsError(403, "InvalidSignatureException", "SignedHeaders lack a header that must be signed.")
    if not hmac.compare_digest(signature(request, signed, key.secret, region, service), given["signature"]):
        # The real message goes on with the canonical string, session token included.
        raise AwsError(
            403,
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. The Canonical String was "
            + canonical(request, signed),
        )
    if not key.allowed:
        raise AwsError(403, "AccessDeniedException", "User is not authorized to perform: sagemaker:InvokeEndpoint")


def signature(request: SignedRequest, signed: list[str], secret: str, region: str, service: str) -> str:
    timestamp = request.headers["x-amz-date"]
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical(request, signed).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (timestamp[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}".encode(), "sha256").hex()


def canonical(request: SignedRequest, signed: list[str]) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed)
    # Paths are encoded once more than they were for the wire, by every service but S3.
    path = quote(request.path, safe="/-_.~")
    query = "&".join(sorted(request.query.split("&")))
    body = hashlib.sha256(request.body).hexdigest()
    return f"{request.method}\n{path}\n{query}\n{headers}\n{';'.join(signed)}\n{body}"


def _key_of(request: SignedRequest, access_key_id: str, keys: Mapping[str, Key]) -> Key:
    key = keys.get(access_key_id)
    if key is None or request.headers.get("x-amz-security-token") != key.session_token:
        raise AwsError(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    if key.expired:
        raise AwsError(403, "ExpiredTokenException", "The security token included in the request is expired")
    return key


def _check_date(timestamp: str, scope_date: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AwsError(403, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.") from None
    if timestamp[:8] != scope_date:
        raise AwsError(403, "InvalidSignatureException", "Date in Credential scope does not match x-amz-date.")
    if abs(now - signed_at) > MAX_SKEW:
        raise AwsError(403, "InvalidSignatureException", f"Signature expired: {timestamp} is too far from now.")
