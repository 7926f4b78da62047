"""What an endpoint of SageMaker that is asked by way of S3 is asked to be, validated."""

from pydantic import Field

from moorage.aws.managed_spec import SagemakerModelSpec
from moorage.spec.numbers import WholeNumber

# botocore 1.43.117, sagemaker: AsyncInferenceNotificationConfig.
_TOPIC_ARN = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"
_MOST_CONCURRENT_INVOCATIONS = 1_000
"""Of MaxConcurrentInvocationsPerInstance (botocore 1.43.117, sagemaker: AsyncInferenceClientConfig)."""


class SagemakerAsyncVllmSpec(SagemakerModelSpec):
    """What `SagemakerAsyncVllmArgs` say that is known before anything is created."""

    max_instances: WholeNumber = Field(default=1, ge=1)
    retention_days: WholeNumber = Field(default=7, ge=1)
    success_topic_arn: str | None = Field(default=None, pattern=_TOPIC_ARN)
    error_topic_arn: str | None = Field(default=None, pattern=_TOPIC_ARN)
    deletion_protection: bool = True

    @property
    def concurrent_invocations(self) -> int:
        """Requests that SageMaker sends to one instance at once: as many as its engine answers."""
        return min(self.max_num_seqs, _MOST_CONCURRENT_INVOCATIONS)

    @property
    def topic_arns(self) -> list[str]:
        """Those that are told, each once."""
        return list(dict.fromkeys(arn for arn in (self.success_topic_arn, self.error_topic_arn) if arn is not None))
