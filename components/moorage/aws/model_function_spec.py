"""What every function that holds a model is asked to be, validated."""

import re
from collections.abc import Callable, Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from moorage.aws.lambda_prices import Architecture
from moorage.aws.lambda_quotas import LEAST_MEMORY_MB, MOST_MEMORY_MB
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.serverless_plan import ServerlessDemand, ServerlessPlan, serverless_plan
from moorage.aws.tags import Tags
from moorage.engine.llama_cpp import ENGINE_ADDRESS, llama_cpp_environment
from moorage.kubernetes.image import PinnedImage
from moorage.spec import Load, ModelFacts, ModelSpec, ServiceLevel
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Upstream
from moorage.spec.numbers import WholeNumber

DOCUMENT_VARIABLE = "MOORAGE_GATEWAY_DOCUMENT"
_ECR_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/.+")


class ModelFunctionSpec(BaseModel):
    """One image with one model, whoever sends it its events."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    image: PinnedImage
    model: ModelSpec
    facts: ModelFacts
    load: Load = Load()
    service_level: ServiceLevel = ServiceLevel()
    architecture: Architecture = "arm64"
    memory_mb: WholeNumber | None = Field(default=None, ge=LEAST_MEMORY_MB, le=MOST_MEMORY_MB)
    log_retention_days: RetentionDays = 90
    tags: Tags = {}

    @model_validator(mode="after")
    def _can_be_a_function(self) -> Self:
        problems = list(self._problems())
        for check in self._checks():
            try:
                check()
            except SpecError as error:
                problems += error.problems
        if problems:
            # Several checks may need one plan, and there may be none.
            raise SpecError(dict.fromkeys(problems))
        return self

    @property
    def plan(self) -> ServerlessPlan:
        return serverless_plan(ServerlessDemand(self.model, self.facts, self.load, self.service_level, self.memory_mb))

    @property
    def upstream(self) -> Upstream:
        """The engine, for the gateway beside it, which is up before it and holds the first request."""
        return Upstream(
            name="engine",
            kind="openai-http",
            address=ENGINE_ADDRESS,
            model=self.model.served_name,
            revision=self.revision,
            max_concurrent_requests=1,
            activation={},
        )

    @property
    def revision(self) -> str:
        """The weights are the image's."""
        return self.model.hub_revision or self.model.revision or self.image.rpartition(":")[2][:12]

    def environment(self, document: str) -> dict[str, str]:
        """Of the function: for the gateway and for the engine."""
        return {
            DOCUMENT_VARIABLE: document,
            **llama_cpp_environment(self.model, self.facts, self.plan.vcpus),
        }

    def _checks(self) -> Iterator[Callable[[], object]]:
        """Each raises `SpecError`."""
        yield lambda: self.plan

    def _problems(self) -> Iterator[Problem]:
        found = _ECR_IMAGE.fullmatch(self.image)
        if found is None or found["region"] != self.region:
            allowed = f"ACCOUNT.dkr.ecr.{self.region}.amazonaws.com/NAME@sha256:…"
            yield Problem("image", f" = {self.image}: Lambda runs images of ECR in its own region; must be {allowed}")
