"""What a function that does jobs is asked to be, validated."""

import json
import math
from collections.abc import Callable, Iterator

from pydantic import Field

from moorage.aws.function_environment import compact_json
from moorage.aws.lambda_quotas import MOST_TIMEOUT_SECONDS
from moorage.aws.model_function_spec import ModelFunctionSpec
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import render_gateway_document
from moorage.spec.numbers import WholeNumber

# botocore 1.44.5, lambda: MaximumConcurrency; and what CreateEventSourceMapping says of BatchSize: more than 10 need a
# time to gather them in.
_LEAST_CONCURRENCY, _MOST_CONCURRENCY = 2, 1_000
_MOST_MESSAGES = 10
VISIBILITY_TIMEOUTS = 6
""""Set the source queue's visibility timeout to at least six times the configuration timeout on your function"
(docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html, read 2026-11-25), so that there is time to try again
where the function was throttled."""


class LambdaJobWorkerSpec(ModelFunctionSpec):
    """What `LambdaJobWorkerArgs` say that is known before anything is created."""

    visibility_seconds: WholeNumber = Field(ge=1)
    batch_size: WholeNumber = Field(default=1, ge=1, le=_MOST_MESSAGES)
    max_concurrency: WholeNumber = Field(default=_LEAST_CONCURRENCY, ge=_LEAST_CONCURRENCY, le=_MOST_CONCURRENCY)

    @property
    def timeout_seconds(self) -> int:
        """A start, and twice what a batch may take, whose jobs the engine does one after the other; less where a
        function may run no longer."""
        wanted = self.plan.cold_start.seconds + 2 * self.batch_size * self.service_level.p99_request_seconds
        return min(math.ceil(wanted), MOST_TIMEOUT_SECONDS)

    @property
    def document(self) -> str:
        """The gateway's, which nobody asks but the adapter."""
        return compact_json(json.loads(render_gateway_document([self.upstream], [], "none", None, {})))

    def _checks(self) -> Iterator[Callable[[], object]]:
        yield from super()._checks()
        yield self._check_times

    def _check_times(self) -> None:
        start, p99_seconds = self.plan.cold_start.seconds, self.service_level.p99_request_seconds
        problems: list[Problem] = []
        if self.batch_size > 1 and start + self.batch_size * p99_seconds > MOST_TIMEOUT_SECONDS:
            most = max(1, math.floor((MOST_TIMEOUT_SECONDS - start) / p99_seconds))
            problems.append(
                Problem(
                    "batch_size",
                    f" = {self.batch_size}: with a start of about {start:.0f} seconds, jobs of up to {p99_seconds:g} "
                    f"one after the other take longer than the {MOST_TIMEOUT_SECONDS} after which Lambda ends a "
                    f"function; must be at most {most}",
                )
            )
        least = VISIBILITY_TIMEOUTS * self.timeout_seconds
        if self.visibility_seconds < least:
            problems.append(
                Problem(
                    "visibility_seconds",
                    f" = {self.visibility_seconds}: the function's timeout is {self.timeout_seconds} seconds and a "
                    f"queue has to hide its messages for {VISIBILITY_TIMEOUTS} times as long; must be at least {least}",
                )
            )
        if problems:
            raise SpecError(problems)
