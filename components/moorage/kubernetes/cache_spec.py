"""How much Valkey has to hold."""

import math

from pydantic import Field

from moorage.kubernetes.image import PinnedImage
from moorage.planner.cache_memory import CacheDemand
from moorage.spec.numbers import WholeNumber


class CacheSpec(CacheDemand):
    """What `KubernetesValkeyArgs` say that is known before anything is created."""

    image: PinnedImage
    storage_gib: WholeNumber | None = Field(default=None, ge=1)

    @property
    def pod_memory_mib(self) -> int:
        """A quarter more for fragmentation and connections; twice as much where the append-only file is rewritten, for
        which Valkey forks (valkey.io/topics/memory-optimization and /topics/admin, read 2026-11-25)."""
        factor = 1.25 if self.storage_gib is None else 2.0
        return math.ceil(self.max_memory_mib * factor) + 32
