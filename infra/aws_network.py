"""The network of a stack on AWS."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from aws_configuration import KEYS_OF_AWS
from file_keys import as_in_the_file
from moorage.aws.network import AwsNetwork

if TYPE_CHECKING:
    from aws_configuration import AwsSettings


def create_network(aws: "AwsSettings", called: Sequence[str], opts: pulumi.ResourceOptions) -> AwsNetwork:
    """`called`: the services that the stack calls, for those who want them without the NAT gateway."""
    with as_in_the_file(KEYS_OF_AWS):
        return AwsNetwork(
            "network",
            {
                "region": aws.region,
                "availability_zones": aws.availability_zones,
                "interface_endpoints": called if aws.interface_endpoints else (),
                "tags": aws.tags,
            },
            opts,
        )
