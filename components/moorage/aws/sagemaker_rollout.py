"""Whether an endpoint of SageMaker has come to the version that it was given."""

import pulumi
from pulumi_aws import sagemaker


def name_in_service(endpoint: sagemaker.Endpoint, configuration: sagemaker.EndpointConfiguration) -> pulumi.Output[str]:
    """The endpoint's name, once this configuration is what it serves.

    A version that does not start, or whose alarm tells of errors, is taken back, and the endpoint is in service as it
    was: Pulumi's provider takes that for success, and the engine would delete the old configuration and model, which
    are in use (github.com/hashicorp/terraform-provider-aws/issues/48997, read 2026-11-26). A program that fails deletes
    nothing.
    """
    known = pulumi.Output.all(endpoint.name, endpoint.endpoint_config_name, configuration.name)
    return known.apply(lambda names: _in_service(*names))


def _in_service(endpoint_name: str, served: str, wanted: str) -> str:
    if served != wanted:
        raise pulumi.RunError(
            f"SageMaker has taken the new version of endpoint {endpoint_name} back: it serves {served}, not {wanted}. "
            f"The log group /aws/sagemaker/Endpoints/{endpoint_name} says what went wrong, or FailureReason of `aws "
            f"sagemaker describe-endpoint --endpoint-name {endpoint_name}`. Mend it, or take back what was changed; "
            "then run `pulumi refresh` and `pulumi up`"
        )
    return endpoint_name
