"""What a model on SageMaker is asked to be, validated, and what follows from it."""

import math
import re
from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.key_arn import KeyArn
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.sagemaker_environment import MODEL_FOLDER, UNSUPERVISED, sagemaker_environment
from moorage.aws.sagemaker_image import vllm_image
from moorage.aws.tags import Tags
from moorage.engine import (
    GPU_COMPILE_SECONDS,
    HostAndPort,
    Parallelism,
    drain_budget,
    startup_budget,
    vllm_arguments,
    vllm_environment,
    within_notice,
)
from moorage.kubernetes.vllm_spec import max_num_seqs_of
from moorage.planner.gpu_memory import Demand, shortage
from moorage.spec import BucketSource, FolderSource, Load, ModelFacts, ModelSpec, ServiceLevel, SpecError
from moorage.spec.numbers import WholeNumber, not_below

# botocore 1.43.117, sagemaker: ProductionVariant, ContainerStartupHealthCheckTimeoutInSeconds and
# ModelDataDownloadTimeoutInSeconds.
LEAST_TIMEOUT_SECONDS, MOST_TIMEOUT_SECONDS = 60, 3_600
_DOWNLOAD_MEGABYTES_PER_SECOND = 200
"""Assumed, a fifth of what S3 gives an instance with 10 Gbit/s: not measured."""
_DOWNLOAD_MARGIN = 2
INVOCATION_SECONDS = 60
"""Until SageMaker gives up an answer that is not streamed (botocore 1.43.117, sagemaker-runtime: InvokeEndpoint)."""
STOP_SECONDS = 30
"""From SIGTERM to SIGKILL (docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html,
read 2026-11-25)."""
MAX_ENDPOINT_NAME_LENGTH = 63
"""docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html (botocore 1.43.117, sagemaker)."""
ENDPOINT_NAME = re.compile(rf"[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,{MAX_ENDPOINT_NAME_LENGTH - 1}}}")
_INSTANCE_TYPE = re.compile(r"ml\.(g4dn|g5|g6|g6e|g7|g7e|p4d|p4de|p5|p5e|p5en|p6-b200|p6-b300)\.\w+")
_PORT = 8080


class SagemakerModelSpec(BaseModel):
    """What vLLM in an endpoint is asked to be, however the endpoint is called."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    endpoint_name: str
    model: ModelSpec
    revision: str = Field(min_length=1)
    facts: ModelFacts
    load: Load = Load()
    service_level: ServiceLevel = ServiceLevel()
    instance_type: str
    gpu_memory_gib: float = Field(gt=0)
    tensor_parallel_size: WholeNumber = Field(default=1, ge=1, validate_default=True)
    model_key_arn: KeyArn | None = None
    log_retention_days: RetentionDays = 90
    tags: Tags = Field(default_factory=dict)

    @field_validator("region")
    @classmethod
    def _has_an_image(cls, region: str) -> str:
        vllm_image(region)
        return region

    @field_validator("endpoint_name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if len(name) > MAX_ENDPOINT_NAME_LENGTH or not ENDPOINT_NAME.fullmatch(name):
            raise ValueError("must be 1 to 63 letters, digits and inner hyphens")
        return name

    @field_validator("model")
    @classmethod
    def _from_s3(cls, model: ModelSpec) -> ModelSpec:
        source = model.source
        if not isinstance(source, BucketSource) or not source.address.startswith("s3://"):
            raise ValueError("source must be a folder of S3, as s3://bucket/folder: SageMaker fetches no other")
        if model.lora_adapters:
            raise ValueError("lora_adapters must be left out: merge them into the weights")
        return model

    @field_validator("facts")
    @classmethod
    def _is_fetched_in_time(cls, facts: ModelFacts) -> ModelFacts:
        needed = download_seconds(facts.weight_bytes)
        if needed > MOST_TIMEOUT_SECONDS:
            most_gb = MOST_TIMEOUT_SECONDS * _DOWNLOAD_MEGABYTES_PER_SECOND / _DOWNLOAD_MARGIN / 1000
            raise ValueError(
                f"weight_bytes = {facts.weight_bytes}: fetching them may take {needed} seconds, and SageMaker waits "
                f"{MOST_TIMEOUT_SECONDS}; must be at most {most_gb:.0f} GB: quantize it, or take the platform eks"
            )
        return facts

    @field_validator("instance_type")
    @classmethod
    def _has_gpus(cls, instance_type: str) -> str:
        if not _INSTANCE_TYPE.fullmatch(instance_type):
            raise ValueError("must be an instance of SageMaker with NVIDIA GPUs, such as ml.g6e.xlarge")
        return instance_type

    @field_validator("tensor_parallel_size")
    @classmethod
    def _holds_the_model(cls, size: int, info: ValidationInfo) -> int:
        known = info.data
        if {"model", "facts", "load", "gpu_memory_gib"} <= set(known):
            demand = Demand(known["model"], known["facts"], known["load"], None)
            gpus = f"{size} x {known.get('instance_type', 'GPU')}"
            missing = shortage(demand, Parallelism(size, 1), known["gpu_memory_gib"], gpus)
            if missing is not None:
                raise SpecError([missing])
        return size

    @property
    def image(self) -> str:
        return vllm_image(self.region)

    @property
    def model_uri(self) -> str:
        """A prefix, which SageMaker wants to end in a slash."""
        return f"{cast('BucketSource', self.model.source).address.rstrip('/')}/"

    @property
    def max_num_seqs(self) -> int:
        """Requests that one instance answers at once."""
        return max_num_seqs_of(self.load)

    @property
    def shutdown_timeout_seconds(self) -> int:
        """A container that is stopped finishes its requests for as long: no longer than SageMaker lets it live."""
        # SageMaker sends it no more requests by then.
        drain = drain_budget(self.service_level.p99_request_seconds, load_balancer_propagation_seconds=0)
        return within_notice(drain, STOP_SECONDS).shutdown_timeout_seconds

    @property
    def environment(self) -> Mapping[str, str]:
        """By which the container starts vLLM: its arguments, and its own variables. None is secret."""
        inside = self.model.model_copy(update={"source": FolderSource(MODEL_FOLDER), "revision": None})
        arguments = vllm_arguments(
            inside,
            HostAndPort("0.0.0.0", _PORT),  # noqa: S104 - the container's own
            device="gpu",
            shutdown_timeout_seconds=self.shutdown_timeout_seconds,
            max_num_seqs=self.max_num_seqs,
            parallelism=Parallelism(self.tensor_parallel_size, 1),
        )
        return {**sagemaker_environment(arguments), **UNSUPERVISED, **vllm_environment(inside, device="gpu")}

    @property
    def download_seconds(self) -> int:
        """Until SageMaker gives up fetching the weights."""
        return max(LEAST_TIMEOUT_SECONDS, download_seconds(self.facts.weight_bytes))

    @property
    def startup_seconds(self) -> int:
        """Until it gives up an engine that does not answer `/ping`."""
        return startup_budget(self.facts.weight_bytes, compile_seconds=GPU_COMPILE_SECONDS)


class SagemakerVllmSpec(SagemakerModelSpec):
    """What `SagemakerVllmArgs` say that is known before anything is created."""

    min_instances: WholeNumber = Field(default=1, ge=1)
    max_instances: WholeNumber = Field(default=1, ge=1, validate_default=True)
    data_capture_uri: str | None = Field(default=None, pattern=r"^s3://[a-z0-9.-]+/.+")
    data_capture_key_arn: KeyArn | None = Field(default=None, validate_default=True)

    _not_below_min = field_validator("max_instances")(not_below("min_instances"))

    @field_validator("data_capture_key_arn")
    @classmethod
    def _is_encrypted(cls, key_arn: str | None, info: ValidationInfo) -> str | None:
        if (key_arn is None) != (info.data.get("data_capture_uri") is None):
            raise ValueError("must be given together with data_capture_uri: what users say is encrypted")
        return key_arn


def download_seconds(weight_bytes: int) -> int:
    """For weights of this size, twice what they take."""
    return math.ceil(weight_bytes / 1e6 / _DOWNLOAD_MEGABYTES_PER_SECOND * _DOWNLOAD_MARGIN)


def is_offered(instance_type: str) -> bool:
    """Whether SageMaker has EC2's instance as one of its own."""
    return _INSTANCE_TYPE.fullmatch(f"ml.{instance_type}") is not None
