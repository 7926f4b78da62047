"""How long a spot node's pods may take when Google takes the node away: pure.

docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms (read 2026-11-25): 30 seconds, of which system pods have
the last 15, or 120 where the node's kubelet is told so, from control plane 1.35.0-gke.1171000 on. A ComputeClass takes
0, 30 or 120 (github.com/GoogleCloudPlatform/compute-class-api at 8067eae, 2026-08-21).
"""

SHUTDOWN_GRACE_PERIOD_SECONDS = 120
SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS = 15
"""System pods need no more than they have without our asking."""
_USUAL_SHUTDOWN_GRACE_PERIOD_SECONDS = 30


def termination_notice_seconds(*, extended: bool) -> int:
    """What is left for pods that are no system's, however long their own grace period is."""
    total = SHUTDOWN_GRACE_PERIOD_SECONDS if extended else _USUAL_SHUTDOWN_GRACE_PERIOD_SECONDS
    return total - SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS
