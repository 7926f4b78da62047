"""The gateway's Kubernetes objects. Pure."""

from dataclasses import dataclass
from typing import Any

import pulumi

from moorage.engine.budgets import LIVENESS, READINESS
from moorage.kubernetes.gateway_process_spec import PROPAGATION_SECONDS
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.kubernetes.labels import object_labels, selector_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.pod_security import CONTAINER_SECURITY_CONTEXT, POD_SECURITY_CONTEXT

PORT = 8000
READINESS_PATH = "/ready"
DOCUMENT_NAME = "gateway.json"
CA_NAME = "redis-ca.pem"
_SERVICE_PORT = 80
_APPLICATION = "moorage-gateway"
_CONFIGURATION_FOLDER = "/etc/moorage"
_STARTUP = {"periodSeconds": 2, "failureThreshold": 30}
"""Nothing is loaded at its start; on a busy node Python alone takes some seconds."""
PROBE_TIMEOUT_SECONDS = 3
"""`/ready` asks the engines, for up to 2 seconds."""
_CPU_UTILIZATION_PERCENT = 60
"""Of what a pod requests: half as much again can come before another pod is up."""


@dataclass(frozen=True)
class GatewayPodParts:
    """What a pod needs that other resources make."""

    configuration: pulumi.Input[str]
    """The name of its ConfigMap."""
    environment_secret: pulumi.Input[str] | None = None
    """The name of the Secret with its variables."""
    service_account_name: pulumi.Input[str] | None = None
    has_redis_ca: bool = False


@dataclass(frozen=True)
class GatewayObjects:
    """All objects of one gateway."""

    name: str
    namespace: pulumi.Input[str]
    spec: GatewaySpec

    @property
    def service_port(self) -> int:
        exposure = self.spec.exposure
        return exposure.port if exposure.kind == "load-balancer" else _SERVICE_PORT

    def metadata(self, suffix: str | None = None) -> Manifest:
        name = self.name if suffix is None else f"{self.name}-{suffix}"
        return {"name": name, "namespace": self.namespace, "labels": self._labels()}

    def deployment(self, parts: GatewayPodParts) -> Manifest:
        """Replicas are left to the autoscaler: a number here would undo its work with each update."""
        return {
            "metadata": self.metadata(),
            "spec": {
                "selector": {"matchLabels": self._selector()},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": self._labels()}, "spec": self._pod(parts)},
            },
        }

    def autoscaler(self) -> Manifest:
        """More pods at once, fewer by one a minute: each one that goes drains its streams first."""
        target = {"type": "Utilization", "averageUtilization": _CPU_UTILIZATION_PERCENT}
        return {
            "metadata": self.metadata(),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                "minReplicas": self.spec.min_replicas,
                "maxReplicas": self.spec.max_replicas,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
                "behavior": {
                    "scaleUp": {
                        "stabilizationWindowSeconds": 0,
                        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                    },
                    "scaleDown": {
                        "stabilizationWindowSeconds": 300,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                    },
                },
            },
        }

    def disruption_budget(self) -> Manifest:
        return {
            "metadata": self.metadata(),
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": self._selector()},
            },
        }

    def service(self) -> Manifest:
        exposure = self.spec.exposure
        port = {"name": "http", "port": self.service_port, "targetPort": "http", "protocol": "TCP"}
        spec: dict[str, Any] = {"type": "ClusterIP", "selector": self._selector(), "ports": [port]}
        if exposure.kind == "load-balancer":
            spec |= {"type": "LoadBalancer", "loadBalancerSourceRanges": exposure.source_ranges}
        return {"metadata": {**self.metadata(), "annotations": exposure.annotations}, "spec": spec}

    def http_route(self) -> Manifest:
        """Lets `/v1` alone through: metrics and probes are nobody's outside.

        `0s` is no timeout (gateway-api.sigs.k8s.io/reference/spec, HTTPRouteTimeouts, read 2026-11-25): the gateway has
        limits of its own, and none on the length of an answer. GKE has the number in a policy of its own.
        """
        exposure = self.spec.exposure
        parent = {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": exposure.gateway_name,
            "namespace": exposure.gateway_namespace or self.namespace,
        }
        rule: Manifest = {
            "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
            "backendRefs": [{"kind": "Service", "name": self.name, "port": self.service_port}],
        }
        if exposure.gateway_controller is None:
            rule["timeouts"] = {"request": "0s"}
        return {
            "metadata": self.metadata(),
            "spec": {"parentRefs": [parent], "hostnames": [exposure.hostname], "rules": [rule]},
        }

    def _labels(self) -> dict[str, str]:
        return object_labels(name=_APPLICATION, instance=self.name, component="gateway")

    def _selector(self) -> dict[str, str]:
        return selector_labels(name=_APPLICATION, instance=self.name)

    def _pod(self, parts: GatewayPodParts) -> Manifest:
        pod: Manifest = {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": POD_SECURITY_CONTEXT,
            "terminationGracePeriodSeconds": self.spec.grace_seconds,
            "topologySpreadConstraints": [
                self._spread_over(key) for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
            ],
            "containers": [self._container(parts)],
            "volumes": [
                {"name": "configuration", "configMap": {"name": parts.configuration}},
                {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            ],
        }
        if parts.service_account_name is not None:
            pod["serviceAccountName"] = parts.service_account_name
        return pod

    def _spread_over(self, topology_key: str) -> Manifest:
        return {
            "maxSkew": 1,
            "topologyKey": topology_key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": self._selector()},
            "matchLabelKeys": ["pod-template-hash"],
        }

    def _container(self, parts: GatewayPodParts) -> Manifest:
        cpu = f"{round(self.spec.cpu * 1000)}m"
        memory = f"{self.spec.memory_mib}Mi"
        container: Manifest = {
            "name": "gateway",
            "image": self.spec.image,
            "command": ["python", "-m", "moorage_serving.gateway", "serve"],
            "args": [
                *("--config", f"{_CONFIGURATION_FOLDER}/{DOCUMENT_NAME}"),
                *("--host", "0.0.0.0", "--port", str(PORT)),  # noqa: S104 - the pod's own address
                *("--workers", str(self.spec.workers)),
                *("--propagation-seconds", str(PROPAGATION_SECONDS), "--drain-seconds", str(self.spec.drain_seconds)),
            ],
            "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
            # No limit of CPU: it would throttle streams while the node has time to spare.
            "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
            "startupProbe": _probe("/health", **_STARTUP),
            "livenessProbe": _probe(
                "/health", periodSeconds=LIVENESS.period_seconds, failureThreshold=LIVENESS.failure_threshold
            ),
            "readinessProbe": _probe(
                READINESS_PATH, periodSeconds=READINESS.period_seconds, failureThreshold=READINESS.failure_threshold
            ),
            "securityContext": CONTAINER_SECURITY_CONTEXT,
            "volumeMounts": [
                {"name": "configuration", "mountPath": _CONFIGURATION_FOLDER, "readOnly": True},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own, where workers meet
            ],
        }
        if parts.has_redis_ca:
            # OpenSSL reads this file beside the image's folder of authorities, which it goes on to trust.
            container["env"] = [{"name": "SSL_CERT_FILE", "value": f"{_CONFIGURATION_FOLDER}/{CA_NAME}"}]
        if parts.environment_secret is not None:
            container["envFrom"] = [{"secretRef": {"name": parts.environment_secret}}]
        return container


def _probe(path: str, **timing: int) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": PROBE_TIMEOUT_SECONDS, **timing}
