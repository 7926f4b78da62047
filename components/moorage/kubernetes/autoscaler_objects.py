"""What KEDA, or Kubernetes' own autoscaler, is told. Pure."""

import math
from collections.abc import Mapping

from moorage.kubernetes.autoscaler_queries import demand_query, running_query, waiting_query
from moorage.kubernetes.autoscaler_spec import AutoscalerSpec, BusinessHours
from moorage.kubernetes.manifest import Manifest

WAITING_PER_REPLICA = 5
"""As production-stack (helm/values.yaml, read 2026-08-05); Google's samples have 5 and 10."""
RUNNING_SHARE = 0.7
"""Of `max_num_seqs`: a third is left for what comes while another engine starts."""
SCALE_UP_WINDOW_SECONDS = 30
SCALE_DOWN_WINDOW_SECONDS = 300
SCALE_DOWN_PERIOD_SECONDS = 600
"""One engine less in ten minutes, as KAITO (docs/proposals/20250704-keda-scaler-for-inference-workloads.md, read
2026-08-21): an engine that is missed takes as long to come back."""
TOLERANCE_UP, TOLERANCE_DOWN = "0.1", "0.5"
"""The dead zone: nothing happens until load is 10 % above or 50 % below what the replicas are for. Kubernetes has these
fields from 1.33 and heeds them from 1.35 on; before, its own tolerance of 0.1 holds both ways
(kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, read 2026-11-25)."""
POLLING_SECONDS = 5
COOLDOWN_SECONDS = 300
"""From the last request to zero replicas."""
FAILURE_THRESHOLD = 3
"""Looks at Prometheus that fail before KEDA takes the number of replicas from `fallback`."""


def running_per_replica(spec: AutoscalerSpec) -> int:
    return max(1, math.floor(RUNNING_SHARE * spec.max_num_seqs))


def behavior() -> Manifest:
    """Up at once and as far as needed, down slowly; the same for KEDA and Kubernetes' own autoscaler."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": SCALE_UP_WINDOW_SECONDS,
            "tolerance": TOLERANCE_UP,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 15},
                {"type": "Pods", "value": 4, "periodSeconds": 15},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": SCALE_DOWN_WINDOW_SECONDS,
            "tolerance": TOLERANCE_DOWN,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": SCALE_DOWN_PERIOD_SECONDS}],
        },
    }


def scaled_object(
    spec: AutoscalerSpec,
    target: Mapping[str, str],
    *,
    namespace: str,
    gateway_namespace: str | None,
    prometheus_url: str,
) -> Manifest:
    """The spec of KEDA's ScaledObject (keda.sh/docs/2.21/reference/scaledobject-spec, read 2026-11-25).

    While Prometheus is away the replicas stay: `fallback` never lowers their number, and is never 0, because KEDA would
    take that for leave to stop all of them (keda 2.21.0, pkg/scaling/executor/scale_scaledobjects.go). From zero they
    become one, and none again when Prometheus is back: nobody can tell whether requests are held meanwhile.
    """
    has_gateway = gateway_namespace is not None
    queries = {
        "waiting": (waiting_query(spec.model, namespace, zero_without_engines=has_gateway), WAITING_PER_REPLICA),
        "running": (running_query(spec.model, namespace, zero_without_engines=has_gateway), running_per_replica(spec)),
    }
    if gateway_namespace is not None:
        queries["demand"] = (demand_query(spec.model, gateway_namespace), running_per_replica(spec))
    triggers = [_trigger(name, query, each, prometheus_url) for name, (query, each) in queries.items()]
    if spec.business_hours is not None:
        triggers.append(_cron(spec.business_hours))
    return {
        "scaleTargetRef": {"apiVersion": target["api_version"], "kind": target["kind"], "name": target["name"]},
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": COOLDOWN_SECONDS,
        "minReplicaCount": spec.min_replicas,
        "maxReplicaCount": spec.max_replicas,
        "fallback": {
            "failureThreshold": FAILURE_THRESHOLD,
            "replicas": max(1, spec.min_replicas),
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior()}},
        "triggers": triggers,
    }


def _trigger(name: str, query: str, each: int, prometheus_url: str) -> Manifest:
    return {
        "type": "prometheus",
        "name": name,
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": prometheus_url,
            "query": query,
            "threshold": str(each),
            "activationThreshold": "0",
            # What cannot be known is no zero: a zero would stop engines that work.
            "ignoreNullValues": "false",
        },
    }


def _cron(hours: BusinessHours) -> Manifest:
    return {
        "type": "cron",
        "name": "business-hours",
        "metadata": {
            "timezone": hours.timezone,
            "start": hours.start,
            "end": hours.end,
            "desiredReplicas": str(hours.min_replicas),
        },
    }


def horizontal_pod_autoscaler(spec: AutoscalerSpec, target: Mapping[str, str]) -> Manifest:
    """The spec of Kubernetes' own autoscaler, on metrics of pods that an adapter serves by vLLM's names."""
    each = {
        "vllm:num_requests_waiting": WAITING_PER_REPLICA,
        "vllm:num_requests_running": running_per_replica(spec),
    }
    return {
        "scaleTargetRef": {"apiVersion": target["api_version"], "kind": target["kind"], "name": target["name"]},
        "minReplicas": spec.min_replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": [
            {
                "type": "Pods",
                "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": str(value)}},
            }
            for name, value in each.items()
        ],
        "behavior": behavior(),
    }
