"""What a function that serves a model is asked to be, validated."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated, cast

from pydantic import Field, JsonValue, PlainValidator

from moorage.aws.function_environment import check_environment, compact_json, hashes_document
from moorage.aws.key_authorizer_function import KEYS_VARIABLE
from moorage.aws.lambda_quotas import MOST_IDLE_SECONDS, MOST_REQUEST_BYTES
from moorage.aws.model_function_spec import ModelFunctionSpec
from moorage.aws.provisioned_concurrency_spec import ProvisionedConcurrency
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Key, render_gateway_document
from moorage.spec.gateway_settings import OWN_KEY_ID, GatewaySettings, check_tenant, parse_gateway_settings
from moorage.spec.numbers import WholeNumber

_NEEDS = {
    "cache": "Redis, which a function has not",
    "request_log": "a folder that lasts, which a function has not",
    "rotated_keys": "the right to read secrets, which a function and the authorizer before it have not",
}
_A_HASH = "0" * 64


def _checked_settings(value: object) -> dict[str, JsonValue]:
    """Without what needs more than one environment that comes and goes."""
    settings = parse_gateway_settings(value, "")
    problems = [Problem(name, f": needs {needs}; remove it") for name, needs in _NEEDS.items() if settings.get(name)]
    largest = settings.get("max_request_body_bytes")
    if isinstance(largest, int) and largest > MOST_REQUEST_BYTES:
        problems.append(
            Problem("max_request_body_bytes", f" = {largest}: Lambda takes no event above {MOST_REQUEST_BYTES} bytes")
        )
    if problems:
        raise SpecError(problems)
    return settings


class LambdaLlmSpec(ModelFunctionSpec):
    """What `LambdaLlmArgs` say that is known before anything is created."""

    reserved_concurrency: WholeNumber | None = Field(default=None, ge=1)
    provisioned_concurrency: ProvisionedConcurrency | None = None
    warm_up_minutes: WholeNumber | None = Field(default=None, ge=1, le=60)
    settings: Annotated[dict[str, JsonValue], PlainValidator(_checked_settings)] = Field(default_factory=dict)
    tenant: str | None = None
    tracing: bool = False

    @property
    def concurrency(self) -> int:
        """As many requests as are answered at once, one in each environment; those above are refused for nothing."""
        return self.reserved_concurrency or self.load.concurrent_requests

    def document(self, generated: Key) -> str:
        """The gateway's, without a blank; limits that processes count alone are shared by all environments."""
        quotas = self._given("quotas")
        settings: GatewaySettings = {
            **self.settings,
            "quotas": {"gateway_replicas": self.concurrency, **quotas},
            "timeouts": {"first_byte_seconds": self._patience_seconds, **self._given("timeouts")},
            "admission": self._admission,
        }
        return compact_json(
            json.loads(render_gateway_document([self.upstream], [generated], "api_keys", None, settings))
        )

    def keys(self, generated: Key) -> list[Key]:
        """All that the gateway knows."""
        return [generated, *cast("list[Key]", self.settings.get("keys", []))]

    def _check_tenant(self) -> None:
        if self.tenant is not None:
            check_tenant(self.tenant, self.settings, "tenant")

    @property
    def _patience_seconds(self) -> int:
        """The gateway waits for an answer as long as API Gateway does."""
        return min(self.plan.timeout_seconds, MOST_IDLE_SECONDS)

    @property
    def _admission(self) -> dict[str, JsonValue]:
        given = self._given("admission")
        longest = cast("float", given.get("max_deadline_seconds", self._patience_seconds))
        return {
            "deadline_seconds": min(self._patience_seconds, longest),
            "max_deadline_seconds": longest,
            **given,
        }

    def _given(self, group: str) -> dict[str, JsonValue]:
        return cast("dict[str, JsonValue]", self.settings.get(group) or {})

    def _check_environment(self) -> None:
        own = Key(id=OWN_KEY_ID, sha256=_A_HASH)
        if self.tenant is not None:
            own["tenant"] = self.tenant
        helps = "take fewer tenants and keys"
        check_environment(self.environment(self.document(own)), "settings", helps)
        check_environment({KEYS_VARIABLE: hashes_document(self.keys(own))}, "settings.keys", helps)

    def _checks(self) -> Iterator[Callable[[], object]]:
        yield from (self._check_tenant, self._check_environment)
        yield from super()._checks()

    def _problems(self) -> Iterator[Problem]:
        yield from super()._problems()
        wanted = self.provisioned_concurrency
        if wanted is not None and wanted.most > self.concurrency:
            key = "provisioned_concurrency.min" if wanted.is_fixed else "provisioned_concurrency.max"
            yield Problem(key, f" = {wanted.most}: must be at most the reserved concurrency, {self.concurrency}")
