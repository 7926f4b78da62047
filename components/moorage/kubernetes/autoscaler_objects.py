"""What KEDA, or Kubernetes' own autoscaler, is told. Pure."""

import math
from collections.abc import Mapping

from moorage.kubernetes.autoscaler_queries import demand_query, kv_cache_query, requests_query
from moorage.kubernetes.autoscaler_spec import AutoscalerSpec, BusinessHours
from moorage.kubernetes.manifest import Manifest

RUNNING_SHARE = 0.5
"""Of `max_num_seqs`. A step takes the longer, the more requests it computes: an engine with half of them does nine
tenths of what it can, and the rest is for what comes while another one starts (docs/kubernetes-autoscaling.md)."""
KV_CACHE_SHARE = 0.7
"""Of an engine's KV cache, which may be full long before `max_num_seqs`. llm-d calls an engine saturated at 0.8
(docs/architecture/advanced/autoscaling/hpa-wva.md, read 2026-08-21)."""
WAITING_PER_REPLICA = 5
"""With Kubernetes' own autoscaler; as production-stack (helm/values.yaml, read 2026-08-05)."""
SCALE_UP_WINDOW_SECONDS = 30
SCALE_DOWN_WINDOW_SECONDS = 3600
"""The longest that Kubernetes takes. An engine goes after an hour in which it was never missed, so that the direction
changes at most twice in an hour, whatever the load. What is shorter than a start would stop engines that have not even
begun: Kubernetes takes back at once, whatever `policies` say, what it has added within a policy's period
(pkg/controller/podautoscaler/horizontal.go, calculateScaleDownLimitWithBehaviors, Kubernetes 1.34.1)."""
SCALE_DOWN_PERIOD_SECONDS = 600
"""One engine less in ten minutes, as KAITO (docs/proposals/20250704-keda-scaler-for-inference-workloads.md, read
2026-08-21): an engine that is missed takes as long to come back."""
TOLERANCE_UP, TOLERANCE_DOWN = "0.1", "0.5"
"""The dead zone: nothing happens until load is 10 % above or 50 % below what the replicas are for. Kubernetes has these
fields from 1.33 and heeds them from 1.35 on; before, its own tolerance of 0.1 holds both ways
(kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, read 2026-11-25)."""
POLLING_SECONDS = 5
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
    has_gateway, each = gateway_namespace is not None, running_per_replica(spec)
    queries: dict[str, tuple[str, float]] = {
        "requests": (requests_query(spec.model, namespace, zero_without_engines=has_gateway), each),
        "kv-cache": (kv_cache_query(spec.model, namespace, zero_without_engines=has_gateway), KV_CACHE_SHARE),
    }
    if gateway_namespace is not None:
        queries["demand"] = (demand_query(spec.model, gateway_namespace), each)
    triggers = [_trigger(name, *asked, prometheus_url) for name, asked in queries.items()]
    if spec.business_hours is not None:
        triggers.append(_cron(spec.business_hours))
    return {
        "scaleTargetRef": {"apiVersion": target["api_version"], "kind": target["kind"], "name": target["name"]},
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": spec.idle_seconds,
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


def _trigger(name: str, query: str, each: float, prometheus_url: str) -> Manifest:
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
        "vllm:kv_cache_usage_perc": KV_CACHE_SHARE,
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
