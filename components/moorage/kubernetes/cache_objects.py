"""Valkey's Kubernetes objects, and its configuration file. Pure."""

from dataclasses import dataclass

import pulumi

from moorage.kubernetes.cache_spec import CacheSpec
from moorage.kubernetes.labels import object_labels, selector_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.pod_security import CONTAINER_SECURITY_CONTEXT, POD_SECURITY_CONTEXT

PORT = 6379
CONFIGURATION_NAME = "valkey.conf"
PASSWORD_NAME = "password"  # noqa: S105 - where it stands in the Secret
CONFIGURATION_FOLDER = "/etc/valkey"
DATA_FOLDER = "/data"
_APPLICATION = "valkey"
_CPU = "250m"
"""Some thousand requests a second cost it a tenth of a core; a gateway sends three commands for each of its own."""


def valkey_configuration(spec: CacheSpec, password: str) -> str:
    """The file, with the password in it: no secret is on a command line.

    `noeviction`, because limits and usage have times to live like answers do, and any other policy would drop them in
    silence. A full server refuses writes, which the gateway counts (`cache_errors_total`, `quota_counted_locally`). It
    is not to become full: each tenant's answers are bounded by the gateway, and the memory holds all of them.
    """
    persistence = "appendonly yes\nappendfsync everysec" if spec.storage_gib is not None else "appendonly no"
    return f"""port 0
tls-port {PORT}
tls-cert-file {CONFIGURATION_FOLDER}/tls.crt
tls-key-file {CONFIGURATION_FOLDER}/tls.key
tls-ca-cert-file {CONFIGURATION_FOLDER}/ca.crt
tls-auth-clients no
user default reset on >{password} ~moorage:* +@all -@admin -@dangerous
maxmemory {spec.max_memory_mib}mb
maxmemory-policy noeviction
dir {DATA_FOLDER}
save ""
{persistence}
"""


@dataclass(frozen=True)
class CacheObjects:
    """All objects of one Valkey server."""

    name: str
    namespace: pulumi.Input[str]
    spec: CacheSpec

    def metadata(self) -> Manifest:
        labels = object_labels(name=_APPLICATION, instance=self.name, component="cache")
        return {"name": self.name, "namespace": self.namespace, "labels": labels}

    def stateful_set(self, secret: pulumi.Input[str]) -> Manifest:
        """Of one pod: never two at a time, which would each count limits from zero.

        There is no PodDisruptionBudget: it could only forbid to drain the pod's node, and the gateway goes on without
        Redis for as long as the pod moves.
        """
        spec: Manifest = {
            "replicas": 1,
            "serviceName": self.name,
            "selector": {"matchLabels": self._selector()},
            "template": {"metadata": {"labels": self.metadata()["labels"]}, "spec": self._pod(secret)},
        }
        if self.spec.storage_gib is not None:
            spec["volumeClaimTemplates"] = [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": f"{self.spec.storage_gib}Gi"}},
                    },
                }
            ]
        return {"metadata": self.metadata(), "spec": spec}

    def service(self) -> Manifest:
        port = {"name": "redis-tls", "port": PORT, "targetPort": "redis-tls", "protocol": "TCP"}
        return {
            "metadata": self.metadata(),
            "spec": {"type": "ClusterIP", "selector": self._selector(), "ports": [port]},
        }

    def _selector(self) -> dict[str, str]:
        return selector_labels(name=_APPLICATION, instance=self.name)

    def _pod(self, secret: pulumi.Input[str]) -> Manifest:
        volumes: list[Manifest] = [{"name": "configuration", "secret": {"secretName": secret, "defaultMode": 0o440}}]
        if self.spec.storage_gib is None:
            volumes.append({"name": "data", "emptyDir": {"sizeLimit": "64Mi"}})
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": POD_SECURITY_CONTEXT,
            "containers": [self._container(secret)],
            "volumes": volumes,
        }

    def _container(self, secret: pulumi.Input[str]) -> Manifest:
        memory = f"{self.spec.pod_memory_mib}Mi"
        password = {"secretKeyRef": {"name": secret, "key": PASSWORD_NAME}}
        return {
            "name": "valkey",
            "image": self.spec.image,
            "command": ["valkey-server", f"{CONFIGURATION_FOLDER}/{CONFIGURATION_NAME}"],
            # What valkey-cli of the probes takes its password from.
            "env": [{"name": "REDISCLI_AUTH", "valueFrom": password}],
            "ports": [{"name": "redis-tls", "containerPort": PORT, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": _CPU, "memory": memory}, "limits": {"memory": memory}},
            # Until an append-only file is loaded, an hour at most.
            "startupProbe": _ping(periodSeconds=2, failureThreshold=1800),
            "livenessProbe": _ping(periodSeconds=10, failureThreshold=6),
            "readinessProbe": _ping(periodSeconds=5, failureThreshold=2),
            "securityContext": CONTAINER_SECURITY_CONTEXT,
            "volumeMounts": [
                {"name": "configuration", "mountPath": CONFIGURATION_FOLDER, "readOnly": True},
                {"name": "data", "mountPath": DATA_FOLDER},
            ],
        }


def _ping(**timing: int) -> Manifest:
    """`-e`: an error reply, such as that of a server which still loads, fails too."""
    command = ["valkey-cli", "-e", "--tls", "--cacert", f"{CONFIGURATION_FOLDER}/ca.crt", "-p", str(PORT), "ping"]
    return {"exec": {"command": command}, "timeoutSeconds": 3, **timing}
