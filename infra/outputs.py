"""What every stack exports, whatever its cloud and option: client code does not change with them."""

from dataclasses import dataclass, fields
from typing import TypedDict

import pulumi

from moorage.spec.gateway_document import Upstream


class JobsOutputs(TypedDict):
    """What `python -m moorage_serving.jobs submit` and `result` need."""

    queue_url: pulumi.Input[str]
    bucket: pulumi.Input[str]
    table: pulumi.Input[str]
    region: str
    producer_policy: pulumi.Input[str]
    """What whoever submits jobs may do in the account: for a role."""
    try_it: pulumi.Input[str]
    """A command that submits a job."""


@dataclass(frozen=True)
class StackOutputs:
    """The names are the contract; README lists them."""

    endpoint_url: pulumi.Input[str]
    """What an OpenAI client takes as `base_url`."""
    api_key: pulumi.Input[str]
    """A secret."""
    model: pulumi.Input[str]
    revision: pulumi.Input[str]
    option: str
    platform: str
    dashboard_url: pulumi.Input[str]
    estimated_cost: dict[str, float | str]
    upstreams: list[pulumi.Output[Upstream]]
    log_directory: pulumi.Input[str]
    try_it: pulumi.Input[str]
    """A command that talks to the model."""
    signing_secret: pulumi.Output[str] | None = None
    """A secret, by which `moorage edge sign` signs further keys. Exported only where CloudFront is before the stack."""
    jobs: JobsOutputs | None = None
    """Exported only where the stack has a queue."""


def export(outputs: StackOutputs) -> None:
    for field in fields(outputs):
        value = getattr(outputs, field.name)
        if value is not None:
            pulumi.export(field.name, value)


def try_it(stack: str, endpoint_url: pulumi.Output[str], model: str, question: str) -> pulumi.Output[str]:
    """A curl line that reads the key from the stack, so that the key is nowhere on the screen."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{question}"}}]}}'
    return pulumi.Output.concat(
        "curl -s ",
        endpoint_url,
        f'/chat/completions -H "Authorization: Bearer $(make -s output STACK={stack} NAME=api_key)"',
        f" -H 'Content-Type: application/json' -d '{body}'",
    )


def try_a_job(queue_url: str, bucket: str, table: str, region: str, model: str, question: str) -> str:
    """A line for a machine that has the serving image's package, and a role of AWS with the producer's policy."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{question}"}}]}}'
    return (
        f"echo '{body}' | AWS_DEFAULT_REGION={region} python -m moorage_serving.jobs submit"
        f" --queue-url {queue_url} --bucket {bucket} --table {table}"
    )
