"""What every function of AWS Lambda has around it: a key, a log group of its own and a role."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, kms

from moorage.aws.log_surroundings import LogSurroundings
from moorage.aws.policy import allow, policy_document, trusted_in
from moorage.aws.tags import named


@dataclass(frozen=True)
class Surroundings(LogSurroundings):
    """Of all functions of one component."""

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


def _policy(log_group_arn: str, key_arn: str) -> str:
    """Lambda decrypts the environment by a grant that it makes for the role; the right outlives the grant, which a role
    that was made anew has not (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html,
    read 2026-11-25)."""
    return policy_document(
        allow("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), (f"{log_group_arn}:*",)),
        allow("ReadEnvironment", ("kms:Decrypt",), (key_arn,)),
    )
