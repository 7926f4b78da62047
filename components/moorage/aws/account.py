"""Where a resource is: its partition and account, by which its ARN begins."""

from typing import NamedTuple

import pulumi

# botocore 1.43.117, partitions.json: `regionRegex`. China, where services have other addresses, and the partitions of
# some agencies alone are left out.
_PARTITIONS = {"us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}


class Account(NamedTuple):
    """What an ARN of another resource there begins with."""

    partition: str
    """`aws`, `aws-us-gov`, …"""
    account_id: str

    @property
    def root(self) -> str:
        """The principal that stands for everybody to whom the account's own policies give a right."""
        return self.iam("root")

    def iam(self, resource: str) -> str:
        """The ARN of a resource of IAM, which has no region."""
        return f"arn:{self.partition}:iam::{self.account_id}:{resource}"

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource in a region."""
        return f"arn:{self.partition}:{service}:{region}:{self.account_id}:{resource}"


def partition_of(region: str) -> str:
    """The part of AWS that a region belongs to."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def account_of(region: str, account_id: pulumi.Input[str]) -> pulumi.Output[Account]:
    """The account with this id, as the ARNs of a region have it."""
    partition = partition_of(region)
    return pulumi.Output.from_input(account_id).apply(lambda known: Account(partition, known))


def managed_policy(region: str, name: str) -> str:
    """The ARN of a policy that AWS keeps."""
    return f"arn:{partition_of(region)}:iam::aws:policy/{name}"
