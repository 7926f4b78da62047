"""The pod that runs vLLM. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pulumi

from moorage.engine import (
    LIVENESS,
    READINESS,
    HostAndPort,
    NodeOfSeveral,
    Probe,
    startup_probe,
    vllm_arguments,
    vllm_environment,
)
from moorage.kubernetes.labels import MODEL_LABEL, label_value, object_labels, selector_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.placement import GPU_RESOURCE
from moorage.kubernetes.pod_security import CONTAINER_SECURITY_CONTEXT, POD_SECURITY_CONTEXT
from moorage.kubernetes.vllm_spec import VllmSpec, bucket_adapters

PORT = 8000
REVISION_ANNOTATION = "moorage.dev/revision"
NODE_ROLE_LABEL = "moorage.dev/node-role"
"""On the pods of a replica with several nodes: `leader` or `worker`."""

NodeRole = Literal["leader", "worker"]

_APPLICATION = "vllm"
_MODELS, _COMPILED, _ADAPTERS = "/cache/models", "/cache/compiled", "/adapters"
_COMPILED_GIB, _TMP_GIB, _ADAPTERS_GIB, _LOGS_GIB = 10, 2, 10, 1
_LIVENESS_TIMEOUT_SECONDS, _READINESS_TIMEOUT_SECONDS = 5, 2

_PULL_ADAPTERS = """\
import os, sys
from runai_model_streamer import pull_files
for source, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    os.makedirs(folder, exist_ok=True)
    pull_files(source + "/", folder, None, None)
"""
"""What vLLM itself does for a bucket's small files (vllm/transformers_utils/runai_utils.py, vLLM 0.32.0)."""

# Karpenter consolidates by what pods request of CPU and memory, and so takes busy GPU nodes for empty ones
# (karpenter.sh/docs/concepts/disruption; docs.cloud.google.com/kubernetes-engine/docs/concepts/cluster-autoscaler).
_STAYS_WHERE_IT_IS = {
    "karpenter.sh/do-not-disrupt": "true",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}


@dataclass(frozen=True)
class VllmPodParts:
    """What a pod needs that other resources make."""

    service_account_name: pulumi.Input[str] | None = None
    priority_class_name: pulumi.Input[str] | None = None
    hugging_face_token: Mapping[str, Any] | None = None
    """A `secretKeyRef`."""
    model_cache: pulumi.Input[Mapping[str, Any]] | None = None
    """A volume's source. None: the node's disk, for as long as the pod lives."""


def engine_labels(name: str) -> dict[str, str]:
    return object_labels(name=_APPLICATION, instance=name, component="engine")


def engine_selector(name: str) -> dict[str, str]:
    return selector_labels(name=_APPLICATION, instance=name)


def pod_template(name: str, spec: VllmSpec, parts: VllmPodParts, role: NodeRole | None = None) -> Manifest:
    """Of a replica's only pod, or of one of several with its role."""
    labels = {**engine_labels(name), MODEL_LABEL: label_value(spec.model.served_name)}
    if role is not None:
        labels[NODE_ROLE_LABEL] = role
    return {
        "metadata": {"labels": labels, "annotations": {REVISION_ANNOTATION: spec.revision, **_STAYS_WHERE_IT_IS}},
        "spec": _pod(name, spec, parts, role),
    }


def _pod(name: str, spec: VllmSpec, parts: VllmPodParts, role: NodeRole | None) -> Manifest:
    pod: Manifest = {
        "automountServiceAccountToken": False,
        # A Service named vllm would set VLLM_PORT, which vLLM takes for its own setting.
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY_CONTEXT,
        "terminationGracePeriodSeconds": spec.drain.grace_seconds,
        "nodeSelector": spec.placement.node_selector,
        "tolerations": [toleration.model_dump(exclude_none=True) for toleration in spec.placement.tolerations],
        "topologySpreadConstraints": [
            _spread(name, key, is_grouped=role is not None)
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [_container(spec, parts, role)],
        "volumes": _volumes(spec, parts),
    }
    if bucket_adapters(spec.model):
        pod["initContainers"] = [_adapters_container(spec)]
    if parts.service_account_name is not None:
        pod["serviceAccountName"] = parts.service_account_name
    if parts.priority_class_name is not None:
        pod["priorityClassName"] = parts.priority_class_name
    return pod


def _spread(name: str, topology_key: str, *, is_grouped: bool) -> Manifest:
    """Wished for, not required: a replica in the wrong zone is better than none."""
    constraint: Manifest = {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": engine_selector(name)},
    }
    return constraint if is_grouped else {**constraint, "matchLabelKeys": ["pod-template-hash"]}


def _container(spec: VllmSpec, parts: VllmPodParts, role: NodeRole | None) -> Manifest:
    container: Manifest = {
        "name": "vllm",
        "image": spec.image,
        "command": ["vllm", "serve"],
        "args": _arguments(spec, role),
        "env": _environment(spec, parts, role),
        "resources": _resources(spec),
        "securityContext": CONTAINER_SECURITY_CONTEXT,
        "volumeMounts": _mounts(spec),
    }
    if role == "worker":
        return container
    return {
        **container,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "lifecycle": {"preStop": {"sleep": {"seconds": spec.drain.pre_stop_seconds}}},
        "startupProbe": _probe(startup_probe(spec.startup_seconds), _LIVENESS_TIMEOUT_SECONDS),
        "livenessProbe": _probe(LIVENESS, _LIVENESS_TIMEOUT_SECONDS),
        "readinessProbe": _probe(READINESS, _READINESS_TIMEOUT_SECONDS),
    }


def _arguments(spec: VllmSpec, role: NodeRole | None) -> list[str]:
    # LeaderWorkerSet sets the variables; Kubernetes fills them in.
    node = (
        None
        if role is None
        else NodeOfSeveral("$(LWS_WORKER_INDEX)", "$(LWS_LEADER_ADDRESS)", is_leader=role == "leader")
    )
    return vllm_arguments(
        spec.model,
        HostAndPort("0.0.0.0", PORT),  # noqa: S104 - the pod's own address
        device="gpu",
        shutdown_timeout_seconds=spec.drain.shutdown_timeout_seconds,
        max_num_seqs=spec.max_num_seqs,
        lora_rank=spec.lora_rank,
        adapter_folders=_adapter_folders(spec),
        parallelism=spec.parallelism,
        node=node,
    )


def _environment(spec: VllmSpec, parts: VllmPodParts, role: NodeRole | None) -> list[Manifest]:
    values = {
        **vllm_environment(spec.model, device="gpu"),
        # The user has no entry in the image's /etc/passwd, which torch would ask for its name and home.
        "HOME": _COMPILED,
        "USER": "vllm",
        "HF_HOME": _MODELS,
        "VLLM_ASSETS_CACHE": f"{_MODELS}/assets",
        "XDG_CACHE_HOME": _COMPILED,
        "XDG_CONFIG_HOME": f"{_COMPILED}/config",
        "TORCHINDUCTOR_CACHE_DIR": f"{_COMPILED}/inductor",
        "TRITON_CACHE_DIR": f"{_COMPILED}/triton",
        "FLASHINFER_WORKSPACE_BASE": _COMPILED,
    }
    variables: list[Manifest] = [{"name": key, "value": value} for key, value in sorted(values.items())]
    if role is not None:
        variables.append({"name": "VLLM_HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    if parts.hugging_face_token is not None:
        variables.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": parts.hugging_face_token}})
    return variables


def _resources(spec: VllmSpec) -> Manifest:
    host = spec.host
    fixed = {
        "memory": f"{host.memory_gib}Gi",
        "ephemeral-storage": f"{_disk_gib(spec)}Gi",
        GPU_RESOURCE: str(spec.tensor_parallel_size),
    }
    # No limit of CPU: it would throttle the engine while the node has time to spare.
    return {"requests": {"cpu": str(host.cpus), **fixed}, "limits": fixed}


def _disk_gib(spec: VllmSpec) -> int:
    adapters = _ADAPTERS_GIB if bucket_adapters(spec.model) else 0
    return spec.model_cache_gib + _COMPILED_GIB + _TMP_GIB + _LOGS_GIB + adapters


def _volumes(spec: VllmSpec, parts: VllmPodParts) -> list[pulumi.Input[Manifest]]:
    shared_memory = {"medium": "Memory", "sizeLimit": f"{spec.host.shared_memory_gib}Gi"}
    volumes: list[pulumi.Input[Manifest]] = [
        {"name": "shared-memory", "emptyDir": shared_memory},
        _empty("compiled", _COMPILED_GIB),
        _empty("tmp", _TMP_GIB),
        _models(spec, parts),
    ]
    return [*volumes, _empty("adapters", _ADAPTERS_GIB)] if bucket_adapters(spec.model) else volumes


def _models(spec: VllmSpec, parts: VllmPodParts) -> pulumi.Input[Manifest]:
    if parts.model_cache is None:
        return _empty("models", spec.model_cache_gib)
    return pulumi.Output.from_input(parts.model_cache).apply(lambda source: {"name": "models", **source})


def _empty(name: str, size_gib: int) -> Manifest:
    return {"name": name, "emptyDir": {"sizeLimit": f"{size_gib}Gi"}}


def _mounts(spec: VllmSpec) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - the pod's own
        {"name": "compiled", "mountPath": _COMPILED},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "models", "mountPath": _MODELS},
    ]
    adapters = {"name": "adapters", "mountPath": _ADAPTERS, "readOnly": True}
    return [*mounts, adapters] if bucket_adapters(spec.model) else mounts


def _adapters_container(spec: VllmSpec) -> Manifest:
    """Copies them with the pod's own identity, before vLLM starts, which reads no adapter from a bucket."""
    folders = _adapter_folders(spec)
    copies = [part for name, source in bucket_adapters(spec.model).items() for part in (source.address, folders[name])]
    amount = {"memory": "1Gi", "ephemeral-storage": f"{_ADAPTERS_GIB}Gi"}
    return {
        "name": "adapters",
        "image": spec.image,
        "command": ["python3", "-c", _PULL_ADAPTERS],
        "args": copies,
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - the pod's own
        "resources": {"requests": {"cpu": "1", **amount}, "limits": amount},
        "securityContext": CONTAINER_SECURITY_CONTEXT,
        "volumeMounts": [
            {"name": "adapters", "mountPath": _ADAPTERS},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        ],
    }


def _adapter_folders(spec: VllmSpec) -> dict[str, str]:
    """By number: a name that clients ask for may have characters that no folder has."""
    return {name: f"{_ADAPTERS}/{number}" for number, name in enumerate(bucket_adapters(spec.model))}


def _probe(probe: Probe, timeout_seconds: int) -> Manifest:
    return {
        "httpGet": {"path": "/health", "port": "http"},
        "periodSeconds": probe.period_seconds,
        "failureThreshold": probe.failure_threshold,
        "timeoutSeconds": timeout_seconds,
    }
