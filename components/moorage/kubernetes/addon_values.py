"""What each Helm chart is told. Pure, but for the files beside it."""

from copy import deepcopy
from pathlib import Path
from typing import cast

import yaml

from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.placement import GPU_POOL_LABEL, GPU_RESOURCE, GPU_TAINT_EFFECT, PlacementArgs

_FILES = Path(__file__).with_name("addon_values")
STORAGE_GIB = 20
"""Ten days of some hundred pods' metrics; the oldest go first where that is too little."""
_RETENTION_SHARE = 0.8
"""Of the volume: what is being written and compacted comes on top."""
ADMIN_USER_KEY, ADMIN_PASSWORD_KEY = "admin-user", "admin-password"
DASHBOARD_READER = "moorage-grafana-dashboards"
"""The ClusterRole of Grafana's sidecar."""


def _of_file(addon: str) -> Manifest:
    return cast("Manifest", yaml.safe_load((_FILES / f"{addon}.yaml").read_text(encoding="utf-8")))


def keda_values() -> Manifest:
    return _of_file("keda")


def leader_worker_set_values() -> Manifest:
    return _of_file("leader-worker-set")


def device_plugin_values(placement: PlacementArgs | None) -> Manifest:
    """On the nodes of this placement; None: on those of all pools that have this library's label."""
    expressions: list[Manifest] = [{"key": GPU_POOL_LABEL, "operator": "Exists"}]
    tolerations: list[Manifest] = [{"key": GPU_RESOURCE, "operator": "Exists", "effect": GPU_TAINT_EFFECT}]
    if placement is not None:
        selector = placement["node_selector"]
        expressions = [{"key": key, "operator": "In", "values": [value]} for key, value in sorted(selector.items())]
        tolerations = [cast("Manifest", dict(toleration)) for toleration in placement["tolerations"]]
    # The chart's own terms look for labels that another chart sets.
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return {**_of_file("device-plugin"), "affinity": affinity, "tolerations": tolerations}


def prometheus_values(storage_class_name: str | None, admin_secret: str) -> Manifest:
    """Metrics are on a volume of this class; None: on the node's disk for as long as the pod lives.

    Args:
        storage_class_name: of a volume for one node.
        admin_secret: of whom has Grafana's first user and its password.
    """
    values = deepcopy(_of_file("prometheus"))
    values["prometheus"]["prometheusSpec"] |= {
        "retentionSize": f"{int(STORAGE_GIB * _RETENTION_SHARE)}GiB",
        "storageSpec": _storage(storage_class_name),
    }
    values["grafana"]["admin"] = {
        "existingSecret": admin_secret,
        "userKey": ADMIN_USER_KEY,
        "passwordKey": ADMIN_PASSWORD_KEY,
    }
    return values


def _storage(storage_class_name: str | None) -> Manifest:
    if storage_class_name is None:
        return {"emptyDir": {"sizeLimit": f"{STORAGE_GIB}Gi"}}
    spec = {
        "storageClassName": storage_class_name,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{STORAGE_GIB}Gi"}},
    }
    return {"volumeClaimTemplate": {"spec": spec}}
