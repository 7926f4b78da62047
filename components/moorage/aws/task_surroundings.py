"""What every task of ECS has around it: a key, a log group of its own and its two roles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_aws import cloudwatch, iam, kms, secretsmanager

from moorage.aws.account import Account
from moorage.aws.ecr_image import pull_statements
from moorage.aws.log_surroundings import LogSurroundings
from moorage.aws.policy import Statement, allow, policy_document, trust, without_wildcards
from moorage.aws.tags import named

_TASKS = "ecs-tasks.amazonaws.com"


class TaskSecret(NamedTuple):
    """A secret that tasks read."""

    arn: pulumi.Output[str]
    version_arn: pulumi.Output[str]
    """Of the value that it has now, as a container names it: another value makes new tasks, which else would go on with
    the one that they started with."""


class TaskRole(NamedTuple):
    """A role of tasks."""

    arn: pulumi.Output[str]
    rights: Sequence[pulumi.Resource]
    """What a service has to wait for: without them its first tasks would not start. They outlive its last ones."""


@dataclass(frozen=True)
class TaskSurroundings(LogSurroundings):
    """Of one component's task."""

    def create_secret(self, suffix: str, description: str, value: pulumi.Input[str], key: kms.Key) -> TaskSecret:
        """A secret of Secrets Manager with this value."""
        name = f"{self.name}-{suffix}"
        secret = secretsmanager.Secret(
            name, description=description, kms_key_id=key.arn, tags=named(name, self.tags), opts=self.opts
        )
        version = secretsmanager.SecretVersion(
            f"{name}-version", secret_id=secret.id, secret_string=pulumi.Output.secret(value), opts=self.opts
        )
        return TaskSecret(
            secret.arn,
            # docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html (read 2026-11-25)
            pulumi.Output.concat(secret.arn, ":::", version.version_id),
        )

    def create_execution_role(
        self,
        log_group: cloudwatch.LogGroup,
        key: kms.Key,
        *,
        secrets: Sequence[TaskSecret],
        repository_arn: str | None,
    ) -> TaskRole:
        """What ECS acts as before the containers run: it pulls the image, fetches the secrets and writes the log."""
        known = pulumi.Output.all(log_group.arn, key.arn, *(secret.arn for secret in secrets))
        policy = known.apply(lambda arns: _execution_policy(arns[0], arns[1], arns[2:], repository_arn))
        role = self._create_role("execution")
        return TaskRole(role.arn, [self._allow(role, "execution", policy)])

    def create_task_role(self, policies: Sequence[pulumi.Input[str]]) -> TaskRole:
        """What the containers act as; `policies` say what they may, without wildcards."""
        role = self._create_role("task")
        rights = [
            self._allow(role, f"task-{index}", pulumi.Output.from_input(policy).apply(without_wildcards))
            for index, policy in enumerate(policies)
        ]
        return TaskRole(role.arn, rights)

    def _create_role(self, suffix: str) -> iam.Role:
        name = f"{self.name}-{suffix}-role"
        return iam.Role(
            name,
            assume_role_policy=self.account.apply(lambda account: _trust(account, self.region)),
            tags=named(name, self.tags),
            opts=self.opts,
        )

    def _allow(self, role: iam.Role, suffix: str, policy: pulumi.Output[str]) -> iam.RolePolicy:
        return iam.RolePolicy(f"{self.name}-{suffix}-policy", role=role.id, policy=policy, opts=self.opts)


def task_family(cluster_name: pulumi.Input[str], name: str) -> pulumi.Output[str]:
    """The cluster's name has an ending: other stacks of the account have a family of their own."""
    return pulumi.Output.concat(cluster_name, "-", name)


def _trust(account: Account, region: str) -> str:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html (read 2026-11-25)."""
    condition = {
        "StringEquals": {"aws:SourceAccount": account.account_id},
        "ArnLike": {"aws:SourceArn": account.arn("ecs", region, "*")},
    }
    return trust(_TASKS, condition=condition)


def _execution_policy(log_group_arn: str, key_arn: str, secret_arns: Sequence[str], repository_arn: str | None) -> str:
    statements: list[Statement] = [
        allow("WriteLog", ("logs:CreateLogStream", "logs:PutLogEvents"), (f"{log_group_arn}:*",))
    ]
    if repository_arn is not None:
        statements += pull_statements(repository_arn)
    if secret_arns:
        statements.append(allow("ReadSecrets", ("secretsmanager:GetSecretValue",), secret_arns))
        statements.append(allow("DecryptSecrets", ("kms:Decrypt",), (key_arn,)))
    return policy_document(*statements)
