"""What every function of AWS Lambda has around it: a key, a log group of its own and a role."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, kms

from moorage.aws.account import Account
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group
from moorage.aws.policy import allow, policy_document, trust
from moorage.aws.tags import named


@dataclass(frozen=True)
class Surroundings:
    """Of all functions of one component."""

    name: str
    """The component's."""
    region: str
    account: pulumi.Output[Account]
    log_retention_days: int
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def create_key(self, description: str) -> kms.Key:
        """For the functions' environment, and for log groups by `create_log_group`."""
        log_groups = f"{self._log_group_prefix}*"
        return create_key(
            f"{self.name}-key",
            description=description,
            policy=self.account.apply(
                lambda account: key_policy(account, used_by_log_group(account, self.region, log_groups))
            ),
            tags=self.tags,
            opts=self.opts,
        )

    def create_log_group(self, suffix: str, key: kms.Key) -> cloudwatch.LogGroup:
        """AWS ends its name, so that stacks of one account do not share it."""
        name = f"{self.name}-{suffix}-log"
        return cloudwatch.LogGroup(
            name,
            name_prefix=f"{self._log_group_prefix}{suffix}-",
            retention_in_days=self.log_retention_days,
            kms_key_id=key.arn,
            tags=named(name, self.tags),
            opts=self.opts,
        )

    def create_role(self, suffix: str, log_group: cloudwatch.LogGroup, key: kms.Key) -> iam.Role:
        """To write this log group and to read the environment; for this account's functions alone."""
        name = f"{self.name}-{suffix}-role"
        role = iam.Role(
            name,
            assume_role_policy=self.account.apply(lambda account: trusted_in(account, "lambda.amazonaws.com")),
            tags=named(name, self.tags),
            opts=self.opts,
        )
        iam.RolePolicy(
            f"{self.name}-{suffix}-policy",
            role=role.id,
            policy=pulumi.Output.all(log_group.arn, key.arn).apply(lambda arns: _policy(*arns)),
            opts=self.opts,
        )
        return role

    @property
    def _log_group_prefix(self) -> str:
        return f"/moorage/{self.name}-"


def trusted_in(account: Account, service: str) -> str:
    """The policy by which a service may take a role, for what this account has asked of it."""
    return trust(service, condition={"StringEquals": {"aws:SourceAccount": account.account_id}})


def _policy(log_group_arn: str, key_arn: str) -> str:
    """Lambda decrypts the environment by a grant that it makes for the role; the right outlives the grant, which a role
    that was made anew has not (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html,
    read 2026-11-25)."""
    return policy_document(
        allow("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), (f"{log_group_arn}:*",)),
        allow("ReadEnvironment", ("kms:Decrypt",), (key_arn,)),
    )
