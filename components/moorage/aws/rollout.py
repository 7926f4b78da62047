"""Whether what AWS replaces by itself has come to the version that it was given.

ECS and SageMaker take a version back that fails, and are in order as they were before. Pulumi's provider takes that for
success (github.com/hashicorp/terraform-provider-aws/issues/20858 and 48997, read 2026-11-26), though it reads what is
in use then; the engine would go on to tell gateways of the new version, and to delete the old one. A program that fails
deletes nothing.
"""

import pulumi
from pulumi_aws import ecs, sagemaker


def rollout_timeouts(seconds: int) -> pulumi.CustomTimeouts:
    """Of a service whose tasks are all replaced, or gone, in that time."""
    most = f"{seconds}s"
    return pulumi.CustomTimeouts(create=most, update=most, delete=most)


def rolled_out_service(service: ecs.Service, task: ecs.TaskDefinition) -> pulumi.Output[str]:
    """The service's name, once this task definition is what it runs.

    Raises:
        pulumi.RunError: in the program's outputs; says which one it runs, and where to look.
    """
    known = pulumi.Output.all(service.name, service.task_definition, task.arn, service.cluster)
    return known.apply(
        lambda parts: _rolled_out(
            parts[0],
            parts[1],
            parts[2],
            f"Amazon ECS has taken the new version of service {parts[0]} back. Its events, `aws ecs describe-services "
            f"--cluster {parts[3]} --services {parts[0]} --query 'services[0].events[:9]'`, and its tasks' log say why",
        )
    )


def rolled_out_endpoint(
    endpoint: sagemaker.Endpoint, configuration: sagemaker.EndpointConfiguration
) -> pulumi.Output[str]:
    """The endpoint's name, once this configuration is what it serves.

    Raises:
        pulumi.RunError: in the program's outputs; says which one it serves, and where to look.
    """
    known = pulumi.Output.all(endpoint.name, endpoint.endpoint_config_name, configuration.name)
    return known.apply(
        lambda parts: _rolled_out(
            parts[0],
            parts[1],
            parts[2],
            f"SageMaker has taken the new version of endpoint {parts[0]} back. The log group "
            f"/aws/sagemaker/Endpoints/{parts[0]}, or FailureReason of `aws sagemaker describe-endpoint "
            f"--endpoint-name {parts[0]}`, says why",
        )
    )


def _rolled_out(name: str, in_use: str, wanted: str, what_happened: str) -> str:
    if in_use != wanted:
        raise pulumi.RunError(
            f"{what_happened}: in use is {in_use}, not {wanted}. Mend it, or take back what was changed; then run "
            "`pulumi refresh` and `pulumi up`"
        )
    return name
