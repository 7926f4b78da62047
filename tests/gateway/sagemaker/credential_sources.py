"""Where AWS credentials come from on AWS: the container agent (ECS, EKS Pod Identity), STS (IRSA) and the instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from aiohttp import web

from .signature import Key

ROLE_ARN = "arn:aws:iam::123456789012:role/gateway"
METADATA_TOKEN = "metadata-token"
AGENT_TOKEN = "agent-token"
STS_ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <AccessKeyId>{AccessKeyId}</AccessKeyId>
      <SecretAccessKey>{SecretAccessKey}</SecretAccessKey>
      <SessionToken>{Token}</SessionToken>
      <Expiration>{Expiration}</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""
STS_REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>No such token</Message></Error>
</ErrorResponse>"""


@dataclass
class CredentialSources:
    """Hands out a new key each time, and lets the front door know it. `lifetime` is that of the next key."""

    keys: dict[str, Key]
    identity_token: str = "first"
    lifetime: timedelta = timedelta(hours=6)
    broken: bool = False
    issued: list[str] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    async def start(self) -> str:
        application = web.Application()
        application.router.add_get("/container", self._container)
        application.router.add_post("/sts/", self._sts)
        application.router.add_put("/latest/api/token", self._metadata_token)
        application.router.add_get("/latest/meta-data/iam/security-credentials/", self._role)
        application.router.add_get("/latest/meta-data/iam/security-credentials/gateway", self._instance)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _issue(self) -> dict[str, str]:
        if self.broken:
            raise web.HTTPInternalServerError
        number = next(self._numbers)
        key_id, secret, token = f"ASIAISSUED{number}", f"secret-{number}", f"session-token/{number}+="
        self.keys[key_id] = Key(secret, token)
        self.issued.append(key_id)
        expiration = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"AccessKeyId": key_id, "SecretAccessKey": secret, "Token": token, "Expiration": expiration}

    async def _container(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization") != AGENT_TOKEN:
            raise web.HTTPUnauthorized
        return web.json_response(self._issue())

    async def _sts(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = (form["Action"], form["RoleArn"], form["WebIdentityToken"])
        if asked != ("AssumeRoleWithWebIdentity", ROLE_ARN, self.identity_token):
            return web.Response(status=400, text=STS_REFUSAL, content_type="text/xml")
        return web.Response(text=STS_ANSWER.format(**self._issue()), content_type="text/xml")

    async def _metadata_token(self, request: web.Request) -> web.Response:
        assert int(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0
        return web.Response(text=METADATA_TOKEN)

    async def _role(self, request: web.Request) -> web.Response:
        self._check_metadata_token(request)
        return web.Response(text="gateway")

    async def _instance(self, request: web.Request) -> web.Response:
        self._check_metadata_token(request)
        return web.json_response({"Code": "Success", "Type": "AWS-HMAC", **self._issue()})

    def _check_metadata_token(self, request: web.Request) -> None:
        if request.headers.get("x-aws-ec2-metadata-token") != METADATA_TOKEN:
            raise web.HTTPUnauthorized
