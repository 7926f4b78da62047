"""Where a resource is: its partition, region and account, from its ARN."""

from typing import NamedTuple


class Account(NamedTuple):
    """What an ARN of another resource there begins with."""

    partition: str
    """`aws`, `aws-cn`, `aws-us-gov`, …"""
    account_id: str

    @property
    def root(self) -> str:
        """The principal that stands for everybody to whom the account's own policies give a right."""
        return self.iam("root")

    def iam(self, resource: str) -> str:
        """The ARN of a resource of IAM, which has no region."""
        return f"arn:{self.partition}:iam::{self.account_id}:{resource}"

    def managed_policy(self, name: str) -> str:
        """The ARN of a policy that AWS keeps."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource in a region."""
        return f"arn:{self.partition}:{service}:{region}:{self.account_id}:{resource}"


def account_of(arn: str) -> Account:
    """The account of any resource whose ARN has one."""
    _, partition, _, _, account_id, *_ = arn.split(":", 5)
    return Account(partition, account_id)
