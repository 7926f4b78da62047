"""What every stack exports, whatever its cloud and option: client code does not change with them."""

from dataclasses import dataclass, fields

import pulumi

from moorage.spec.gateway_document import Upstream


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


def export(outputs: StackOutputs) -> None:
    for field in fields(outputs):
        pulumi.export(field.name, getattr(outputs, field.name))


def try_it(stack: str, endpoint_url: pulumi.Output[str], model: str, question: str) -> pulumi.Output[str]:
    """A curl line that reads the key from the stack, so that the key is nowhere on the screen."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{question}"}}]}}'
    return pulumi.Output.concat(
        "curl -s ",
        endpoint_url,
        f'/chat/completions -H "Authorization: Bearer $(make -s output STACK={stack} NAME=api_key)"',
        f" -H 'Content-Type: application/json' -d '{body}'",
    )
