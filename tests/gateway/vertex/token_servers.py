"""Google's token servers: for service accounts (RFC 7523), workload identity (RFC 8693) and the metadata server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ACCOUNT = "gateway@moored.iam.gserviceaccount.com"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/moored/providers/kubernetes"
# "When making an access token request this value is always" this, wherever the server is.
ASSERTION_AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
MAX_ASSERTION_SECONDS = 3600
LEEWAY_SECONDS = 10


@dataclass
class TokenServers:
    """`public_key` is the service account's. `lifetime_seconds` is that of the next token."""

    public_key: rsa.RSAPublicKey
    identity_token: str = "kubernetes-token"
    lifetime_seconds: int = 3600
    broken: bool = False
    valid_until: dict[str, float] = field(default_factory=dict)  # Unix time, by access token
    requests: int = 0

    async def start(self) -> str:
        application = web.Application()
        application.router.add_post("/token", self._service_account)
        application.router.add_post("/sts", self._workload_identity)
        application.router.add_get("/", self._metadata_root)
        application.router.add_get("/computeMetadata/v1/project/project-id", self._metadata_project)
        account = "/computeMetadata/v1/instance/service-accounts/default"
        application.router.add_get(f"{account}/", self._metadata_account)
        application.router.add_get(f"{account}/token", self._metadata_token)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.address

    async def stop(self) -> None:
        await self._runner.cleanup()

    def revoke_all(self) -> None:
        self.valid_until.clear()

    def _issue(self) -> web.Response:
        self.requests += 1
        if self.broken:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"ya29.token-{self.requests}"
        self.valid_until[token] = time.time() + self.lifetime_seconds
        return web.json_response(
            {
                "access_token": token,
                "expires_in": self.lifetime_seconds,
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }
        )

    async def _service_account(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("grant_type") != JWT_GRANT:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        try:
            self.check_assertion(str(form["assertion"]))
        except jwt.InvalidTokenError as error:
            refusal = {"error": "invalid_grant", "error_description": f"Invalid JWT: {error}"}
            return web.json_response(refusal, status=400)
        return self._issue()

    def check_assertion(self, assertion: str) -> None:
        """Raises jwt.InvalidTokenError. developers.google.com/identity/protocols/oauth2/service-account (2026-11)"""
        claims = jwt.decode(
            assertion,
            self.public_key,
            algorithms=["RS256"],
            audience=ASSERTION_AUDIENCE,
            issuer=ACCOUNT,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "iat", "scope"]},
        )
        if claims["exp"] - claims["iat"] > MAX_ASSERTION_SECONDS:
            raise jwt.InvalidTokenError("Token must be a short-lived token (60 minutes)")
        if claims["scope"].split() != [SCOPE]:
            raise jwt.InvalidTokenError("scope")

    async def _workload_identity(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = (form["grant_type"], form["audience"], form["scope"], form["subject_token"])
        if asked != (EXCHANGE_GRANT, AUDIENCE, SCOPE, self.identity_token):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return self._issue()

    async def _metadata_root(self, request: web.Request) -> web.Response:
        self._check_flavor(request)
        return web.Response(headers={"metadata-flavor": "Google"})

    async def _metadata_project(self, request: web.Request) -> web.Response:
        self._check_flavor(request)
        return web.Response(text="moored", headers={"metadata-flavor": "Google"})

    async def _metadata_account(self, request: web.Request) -> web.Response:
        self._check_flavor(request)
        return web.json_response({"email": ACCOUNT, "scopes": [SCOPE], "aliases": ["default"]})

    async def _metadata_token(self, request: web.Request) -> web.Response:
        self._check_flavor(request)
        return self._issue()

    def _check_flavor(self, request: web.Request) -> None:
        """What keeps a web page from reading tokens."""
        if request.headers.get("metadata-flavor") != "Google":
            raise web.HTTPForbidden


def private_key_pem(key: rsa.RSAPrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()
