"""What an endpoint of SageMaker is asked to be, whichever region it is in."""

from typing import TYPE_CHECKING, cast

import pulumi

from model_revision import revision_of
from moorage.aws.managed_spec import ENDPOINT_NAME, MAX_ENDPOINT_NAME_LENGTH
from moorage.planner.pool_ladder import PoolLadder
from settings import Settings
from stack_dimension import distinct_name, stack_dimension

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from moorage.aws.managed import SagemakerVllmArgs
    from moorage.spec import ModelSpec
    from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs


def endpoint_name(settings: Settings, name: str) -> str:
    """No other stack's in the account and region."""
    return distinct_name(f"{stack_dimension(settings)}-{name}", ENDPOINT_NAME, MAX_ENDPOINT_NAME_LENGTH)


def quota_warning(ladder: PoolLadder, instances: int, region: str) -> str:
    """Service Quotas has one for each type, each with a code of its own, which only an account's own list shows.

    It has none for a type that SageMaker does not have in a region. An update has as many new instances beside the old
    ones (docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html, read 2026-11-25).
    """
    name = f"ml.{ladder.rungs[0].instance_type} for endpoint usage"
    return (
        f"the endpoint in {region} may have up to {instances} instances at once, twice as many while it is updated: "
        f"they need a quota of {2 * instances} for '{name}', of which many accounts have none. Its code: aws "
        f"service-quotas list-service-quotas --region {region} --service-code sagemaker --query "
        f"\"Quotas[?QuotaName=='{name}'].[QuotaCode,Value]\"; an empty list says that SageMaker has no such instance "
        "there: name another in pool.instance_types"
    )


def sagemaker_args(
    settings: Settings, ladder: PoolLadder, *, region: str, account_id: pulumi.Input[str], name: str
) -> "SagemakerVllmArgs":
    """For the stack's model, in some region."""
    configuration = settings.configuration
    return {
        "region": region,
        "account_id": account_id,
        "endpoint_name": endpoint_name(settings, name),
        "model": cast("ModelArgs", settings.given["model"]),
        "revision": revision_of(cast("ModelSpec", configuration.model)),
        "facts": cast("ModelFactsArgs", settings.given["model_facts"]),
        "load": cast("LoadArgs", settings.given.get("load", {})),
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "instance_type": f"ml.{ladder.rungs[0].instance_type}",
        "gpu_memory_gib": ladder.gpu_memory_gib,
        "tensor_parallel_size": ladder.parallelism.tensor_parallel_size,
        "tags": cast("AwsSettings", configuration.aws).tags,
    }
