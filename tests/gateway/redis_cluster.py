"""A real server in cluster mode that has all slots: what ElastiCache Serverless shows of itself to its clients.

"All slots are surfaced to clients as being owned by a single virtual node"
(docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisConfiguration.html, read 2026-11-26).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.crc import REDIS_CLUSTER_HASH_SLOTS
from redis.exceptions import ClusterDownError

from .processes import eventually
from .redis_process import RedisProcess, free_port

if TYPE_CHECKING:
    from pathlib import Path


class RedisCluster(RedisProcess):
    """Listens on a TCP port, too."""

    def __init__(self, program: str, path: Path) -> None:
        self.port = free_port()
        bus = ("--cluster-port", str(free_port()), "--cluster-config-file", str(path.with_suffix(".nodes")))
        super().__init__(program, path, "--port", str(self.port), "--cluster-enabled", "yes", *bus)

    def start(self) -> None:
        super().start()
        self.client.execute_command("CLUSTER ADDSLOTSRANGE", 0, REDIS_CLUSTER_HASH_SLOTS - 1)
        eventually(self._serves)

    def _serves(self) -> bool:
        """Some seconds after its start."""
        try:
            return not self.client.exists("any")
        except ClusterDownError:
            return False
