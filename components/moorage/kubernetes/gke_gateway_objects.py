"""What a Gateway of GKE has to be told of the Service behind a route. Pure.

By itself it asks `/` of each pod, whatever its probes say, which a gateway answers with 404, and ends an answer after
30 seconds: the defaults in github.com/GoogleCloudPlatform/gke-gateway-api, config/crd (fc40d60 of 2026-04-29, read
2026-11-25), whose definitions of both kinds these objects were held against.
"""

from moorage.engine.budgets import READINESS
from moorage.kubernetes.gateway_objects import PORT, PROBE_TIMEOUT_SECONDS, READINESS_PATH, GatewayObjects
from moorage.kubernetes.manifest import Manifest

API_VERSION = "networking.gke.io/v1"
# Longer than any answer: the gateway has limits of its own, and none on the length of an answer.
_ANSWER_SECONDS = 24 * 3600
# The most that the definition takes.
_MAX_DRAINING_SECONDS = 3600


def gke_policies(objects: GatewayObjects) -> dict[str, Manifest]:
    """By kind."""
    return {"GCPBackendPolicy": _backend_policy(objects), "HealthCheckPolicy": _health_check_policy(objects)}


def _backend_policy(objects: GatewayObjects) -> Manifest:
    """Open answers of a pod that goes have as long as the pod has."""
    draining = {"drainingTimeoutSec": min(objects.spec.grace_seconds, _MAX_DRAINING_SECONDS)}
    return _policy(objects, {"timeoutSec": _ANSWER_SECONDS, "connectionDraining": draining})


def _health_check_policy(objects: GatewayObjects) -> Manifest:
    """The same question as the pods' own readiness probe, which the balancer asks the pods themselves."""
    return _policy(
        objects,
        {
            "checkIntervalSec": max(READINESS.period_seconds, PROBE_TIMEOUT_SECONDS),
            "timeoutSec": PROBE_TIMEOUT_SECONDS,
            "healthyThreshold": 1,
            "unhealthyThreshold": READINESS.failure_threshold,
            "config": {"type": "HTTP", "httpHealthCheck": {"port": PORT, "requestPath": READINESS_PATH}},
        },
    )


def _policy(objects: GatewayObjects, default: Manifest) -> Manifest:
    service = {"group": "", "kind": "Service", "name": objects.name}
    return {"metadata": objects.metadata(), "spec": {"default": default, "targetRef": service}}
