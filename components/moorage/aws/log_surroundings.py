"""What everything that runs has around it: a key, and a log group of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import pulumi
from pulumi_aws import cloudwatch, kms

from moorage.aws.account import Account, account_of
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group, used_by_volumes
from moorage.aws.tags import named


class LoggedSpec(Protocol):
    """What a component's specification has to say of it."""

    @property
    def region(self) -> str: ...

    @property
    def log_retention_days(self) -> int: ...

    @property
    def tags(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class LogSurroundings:
    """Of one component."""

    name: str
    """The component's."""
    region: str
    account: pulumi.Output[Account]
    log_retention_days: int
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    @classmethod
    def of(cls, name: str, spec: LoggedSpec, account_id: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Self:
        """Those of the component `name`; `opts` are its children's."""
        account = account_of(spec.region, account_id)
        return cls(name, spec.region, account, spec.log_retention_days, spec.tags, opts)

    def create_key(self, description: str, *, for_volumes: bool = False) -> kms.Key:
        """For log groups by `create_log_group`, and for whatever else of the component is encrypted.

        Args:
            description: the key's.
            for_volumes: whether that is volumes of instances too.
        """
        return create_key(
            f"{self.name}-key",
            description=description,
            policy=self.account.apply(lambda account: self._key_policy(account, for_volumes=for_volumes)),
            tags=self.tags,
            opts=self.opts,
        )

    def create_log_group(self, key: kms.Key, *, part: str | None = None) -> cloudwatch.LogGroup:
        """Of a part of the component, where it has several. AWS ends its name, so that stacks of one account do not
        share it."""
        name = f"{self.name}-log" if part is None else f"{self.name}-{part}-log"
        prefix = self._log_group_prefix if part is None else f"{self._log_group_prefix}{part}-"
        return cloudwatch.LogGroup(
            name,
            name_prefix=prefix,
            retention_in_days=self.log_retention_days,
            kms_key_id=key.arn,
            tags=named(name, self.tags),
            opts=self.opts,
        )

    def _key_policy(self, account: Account, *, for_volumes: bool) -> str:
        logs = used_by_log_group(account, self.region, f"{self._log_group_prefix}*")
        return key_policy(account, logs, *([used_by_volumes(account, self.region)] if for_volumes else []))

    @property
    def _log_group_prefix(self) -> str:
        return f"/moorage/{self.name}-"


def create_named_log_group(
    log_group: str,
    *,
    name: str,
    key_name: str,
    region: str,
    account: pulumi.Output[Account],
    retention_days: int,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> cloudwatch.LogGroup:
    """Of this very name, as a service or a reader looks for it, encrypted with a key of its own.

    Args:
        name: the resource's.
        key_name: the key's resource's.
    """
    key = create_key(
        key_name,
        description=f"Log group {log_group}",
        policy=account.apply(lambda account: key_policy(account, used_by_log_group(account, region, log_group))),
        tags=tags,
        opts=opts,
    )
    return cloudwatch.LogGroup(
        name,
        name=log_group,
        retention_in_days=retention_days,
        kms_key_id=key.arn,
        tags=named(name, tags),
        opts=opts,
    )
