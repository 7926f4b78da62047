"""Tenants as values of a metric's label: never more than a fixed number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TENANTS = 100
OTHER = "other"


class TenantLabels:
    """The first tenants that were configured have a value of their own as long as the process lives."""

    def __init__(self) -> None:
        self._own = {"": ""}  # a request that named no key

    def configure(self, tenant_ids: Iterable[str]) -> None:
        """Called with the tenants of a configuration when it becomes the active one."""
        for tenant_id in tenant_ids:
            if len(self._own) <= MAX_TENANTS:
                self._own[tenant_id] = tenant_id

    def label(self, tenant_id: str) -> str:
        return self._own.get(tenant_id, OTHER)
