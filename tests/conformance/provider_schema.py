"""What Terraform's AWS provider calls the resources and arguments of Pulumi's, by its own schema."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PROVIDER = "registry.terraform.io/hashicorp/aws"
# Where Pulumi's name is not Terraform's but for its module (github.com/pulumi/pulumi-aws, provider/resources.go).
IRREGULAR = {
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "aws_sqs_queue_redrive_allow_policy",
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:ec2/vpc:Vpc": "aws_vpc",
    "aws:autoscaling/group:Group": "aws_autoscaling_group",
    "aws:apigateway/response:Response": "aws_api_gateway_gateway_response",
    "aws:cloudfront/keyValueStore:KeyValueStore": "aws_cloudfront_key_value_store",
}
_MODULES_WITHOUT_NAME = ("", "aws")

Block = Mapping[str, Any]


class ProviderSchema:
    """The resources of the provider's schema, found by Pulumi's names."""

    def __init__(self, file: Path) -> None:
        found = json.loads(file.read_text())["provider_schemas"][PROVIDER]["resource_schemas"]
        self._blocks: dict[str, Block] = {name: resource["block"] for name, resource in found.items()}
        self._by_letters = {_letters(name): name for name in self._blocks}

    def resource_type(self, token: str) -> str | None:
        """Of `aws:sqs/queue:Queue`, `aws_sqs_queue`; None where the provider has none such."""
        if token in IRREGULAR:
            return IRREGULAR[token]
        _, module, name = token.split(":")
        modules = (module.partition("/")[0], "")
        candidates = (_letters(f"aws{part}{name}") for part in modules)
        return next((self._by_letters[letters] for letters in candidates if letters in self._by_letters), None)

    def block(self, resource_type: str) -> Block:
        return self._blocks[resource_type]


def attributes(block: Block) -> Mapping[str, Any]:
    return block.get("attributes", {})


def blocks(block: Block) -> Mapping[str, Any]:
    return block.get("block_types", {})


def argument_name(key: str, block: Block) -> str | None:
    """Of `dimensionsList`, whatever the provider calls it; None where it has no such argument."""
    known = [*attributes(block), *blocks(block)]
    exact = [name for form in _forms(_snake(key)) for name in known if name == form]
    loose = [name for form in _forms(_snake(key)) for name in known if _letters(name) == _letters(form)]
    return next(iter([*exact, *loose, *_references(_snake(key), known)]), None)


def _references(name: str, known: Sequence[str]) -> list[str]:
    """Where Pulumi has left out by what another resource is named: `function` for `function_name`."""
    return [found for found in known if found in (f"{name}_id", f"{name}_name")] or [
        found for found in known if (name, found) == ("code", "filename")
    ]


def camel(name: str) -> str:
    """As Pulumi writes it: `receive_wait_time` is `receiveWaitTime`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _forms(name: str) -> Iterator[str]:
    """As it is, with what Pulumi has left out of it, and where it has made a plural of it, in the singular."""
    yield name
    yield f"{name}_arn"
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("es"):
        yield name[:-2]
    if name.endswith("s"):
        yield name[:-1]


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
