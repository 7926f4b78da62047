"""The Kubernetes objects of one engine, besides its pods. Pure."""

from dataclasses import dataclass

import pulumi

from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.vllm_pod import (
    NODE_ROLE_LABEL,
    PORT,
    VllmPodParts,
    engine_labels,
    engine_selector,
    pod_template,
)
from moorage.kubernetes.vllm_spec import VllmSpec

LEADER_WORKER_SET = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
DEPLOYMENT = ("apps/v1", "Deployment")


@dataclass(frozen=True)
class VllmObjects:
    """All objects of one engine."""

    name: str
    namespace: pulumi.Input[str]
    spec: VllmSpec
    parts: VllmPodParts

    @property
    def is_grouped(self) -> bool:
        """Whether one replica is several pods."""
        return self.spec.pipeline_parallel_size > 1

    @property
    def kind(self) -> tuple[str, str]:
        """API version and kind of what an autoscaler scales."""
        return LEADER_WORKER_SET if self.is_grouped else DEPLOYMENT

    def deployment(self) -> Manifest:
        spec = self.spec
        body = {
            "selector": {"matchLabels": engine_selector(self.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": self._rolling_update()},
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "template": pod_template(self.name, spec, self.parts),
            **self._replicas(),
        }
        return {"metadata": self._awaited(), "spec": body}

    def leader_worker_set(self) -> Manifest:
        """One group of pods per replica, which starts and fails as one
        (lws.sigs.k8s.io/docs/overview, read 2026-11-25)."""
        spec = self.spec
        group = {
            "size": spec.pipeline_parallel_size,
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": pod_template(self.name, spec, self.parts, "leader"),
            "workerTemplate": pod_template(self.name, spec, self.parts, "worker"),
        }
        body = {
            "leaderWorkerTemplate": group,
            "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": self._rolling_update()},
            "startupPolicy": "LeaderCreated",
            **self._replicas(),
        }
        metadata = self._awaited()
        metadata["annotations"] = {**metadata["annotations"], "pulumi.com/waitFor": "condition=Available"}
        return {"metadata": metadata, "spec": body}

    def service(self) -> Manifest:
        """Without an address of its own: its name stands for the pods that are ready, and the gateway chooses."""
        leader = {NODE_ROLE_LABEL: "leader"} if self.is_grouped else {}
        return {
            "metadata": self._metadata(),
            "spec": {
                "clusterIP": "None",
                "selector": {**engine_selector(self.name), **leader},
                "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
            },
        }

    def disruption_budget(self) -> Manifest:
        return {
            "metadata": self._metadata(),
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": engine_selector(self.name)},
            },
        }

    def _rolling_update(self) -> Manifest:
        surge = self.spec.surge
        return {"maxSurge": surge, "maxUnavailable": 0 if surge else 1}

    def _replicas(self) -> Manifest:
        """A number here would undo an autoscaler's work with each update."""
        return {} if self.spec.autoscaled else {"replicas": self.spec.replicas}

    def _metadata(self) -> Manifest:
        return {"name": self.name, "namespace": self.namespace, "labels": engine_labels(self.name)}

    def _awaited(self) -> Manifest:
        """Pulumi itself would wait 10 minutes."""
        return {**self._metadata(), "annotations": {"pulumi.com/timeoutSeconds": str(self.spec.rollout_seconds)}}
