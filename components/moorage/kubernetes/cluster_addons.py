"""What engines need of a cluster besides its nodes, where nobody has brought it: KEDA, Prometheus and others."""

from typing import Literal, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import core, helm, rbac
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.credentials.password import Password
from moorage.kubernetes.addon_charts import addon_charts
from moorage.kubernetes.addon_values import (
    ADMIN_PASSWORD_KEY,
    ADMIN_USER_KEY,
    DASHBOARD_READER,
    device_plugin_values,
    keda_values,
    leader_worker_set_values,
    prometheus_values,
)
from moorage.kubernetes.content_secret import content_secret
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.monitoring_objects import PROMETHEUS_NAMESPACE
from moorage.kubernetes.placement import PlacementArgs
from moorage.kubernetes.pod_security import Level, namespace_labels
from moorage.spec.parsing import known_of, parse

_PROMETHEUS_URL = f"http://kube-prometheus-stack-prometheus.{PROMETHEUS_NAMESPACE}.svc:9090"
_GRAFANA_URL = f"http://kube-prometheus-stack-grafana.{PROMETHEUS_NAMESPACE}.svc"
_TIMEOUT_SECONDS = 900
"""For a node that comes first, and for the images."""
_MAX_HISTORY = 5
"""Revisions of a release, each a Secret."""

Presence = Literal["install", "present"]


class ClusterAddonsArgs(TypedDict):
    """What is installed, and what is there already; each once in a cluster."""

    keda: NotRequired[str]
    """`install`, or `present`: KEDA 2.18 or later, or no autoscaled engine. Default: `install`."""
    prometheus: NotRequired[str]
    """`install`, or `present`: a Prometheus that scrapes engines and gateways; for `KubernetesMonitoring` with its
    operator and kube-state-metrics, and a Grafana whose sidecar takes dashboards. Default: `install`."""
    device_plugin: NotRequired[str]
    """`install`, or `present`: whatever gives nodes their `nvidia.com/gpu`, as EKS Auto Mode and GKE do by themselves.
    The driver is on the nodes in any case. Default: `install`."""
    leader_worker_set: NotRequired[str]
    """`install`, or `present`: LeaderWorkerSet's API v1, or no engine on several nodes. Default: `install`."""
    gpu_placement: NotRequired[PlacementArgs]
    """The nodes that need the device plugin. Default: those with the label of a pool of this library."""
    storage_class_name: NotRequired[str]
    """Of the volume with Prometheus' metrics. Default: none; they are gone with the pod."""


class _AddonsSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    keda: Presence = "install"
    prometheus: Presence = "install"
    device_plugin: Presence = "install"
    leader_worker_set: Presence = "install"
    storage_class_name: str | None = Field(default=None, min_length=1)

    @field_validator("storage_class_name")
    @classmethod
    def _of_what_is_installed(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and info.data.get("prometheus") == "present":
            raise ValueError("has no meaning with prometheus = present; remove it")
        return name


class ClusterAddons(pulumi.ComponentResource):
    """Installs each addon by its own Helm chart, in a namespace of its own.

    Namespaces are held to Pod Security's level `restricted`, but for that of the device plugin, which mounts a folder
    of the node.
    """

    prometheus_url: pulumi.Output[str]
    """Whom KEDA asks, inside of the cluster. Empty where it is not installed."""
    grafana_url: pulumi.Output[str]
    """Inside of the cluster. Empty where it is not installed."""
    grafana_password: pulumi.Output[str]
    """Of Grafana's user `admin`, a secret. Empty where it is not installed."""

    def __init__(self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that contradict each other."""
        super().__init__("moorage:index:ClusterAddons", name, dict(args), opts)
        spec = parse(_AddonsSpec, known_of(_AddonsSpec, args), "")
        self._name = name
        if spec.keda == "install":
            self._install("keda", "keda", keda_values())
        if spec.device_plugin == "install":
            values = device_plugin_values(args.get("gpu_placement"))
            self._install("device-plugin", "nvidia-device-plugin", values, level="privileged")
        if spec.leader_worker_set == "install":
            self._install("leader-worker-set", "lws-system", leader_worker_set_values())
        if spec.prometheus == "install":
            self._install_prometheus(spec)
        else:
            self.prometheus_url, self.grafana_url = pulumi.Output.from_input(""), pulumi.Output.from_input("")
            self.grafana_password = pulumi.Output.secret("")
        self.register_outputs(
            {
                "prometheus_url": self.prometheus_url,
                "grafana_url": self.grafana_url,
                "grafana_password": self.grafana_password,
            }
        )

    def _install_prometheus(self, spec: _AddonsSpec) -> None:
        child = pulumi.ResourceOptions(parent=self)
        namespace = self._namespace("prometheus", PROMETHEUS_NAMESPACE, "restricted")
        self.grafana_password = Password(f"{self._name}-grafana-password", child).password
        metadata: Manifest = {"name": "grafana-admin", "namespace": namespace, "labels": self._labels("prometheus")}
        secret = content_secret(
            f"{self._name}-grafana-admin",
            metadata,
            {ADMIN_USER_KEY: "admin", ADMIN_PASSWORD_KEY: self.grafana_password},
            child,
        )
        reader = rbac.v1.ClusterRole(
            f"{self._name}-grafana-dashboards",
            metadata={"name": DASHBOARD_READER, "labels": self._labels("prometheus")},
            rules=[{"api_groups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
            opts=child,
        )
        values = secret.apply(lambda known: prometheus_values(spec.storage_class_name, known))
        release = self._release("prometheus", namespace, values, needs=[reader])
        # Through the release, so that whoever needs it waits for it; its namespace is known in a preview too.
        self.prometheus_url = release.namespace.apply(lambda _: _PROMETHEUS_URL)
        self.grafana_url = release.namespace.apply(lambda _: _GRAFANA_URL)

    def _install(self, addon: str, namespace: str, values: Manifest, *, level: Level = "restricted") -> None:
        self._release(addon, self._namespace(addon, namespace, level), values)

    def _namespace(self, addon: str, namespace: str, level: Level) -> pulumi.Output[str]:
        created = core.v1.Namespace(
            f"{self._name}-{addon}-namespace",
            metadata={"name": namespace, "labels": {**self._labels(addon), **namespace_labels(level)}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return created.metadata.apply(lambda metadata: str(metadata.name))

    def _release(
        self,
        addon: str,
        namespace: pulumi.Output[str],
        values: pulumi.Input[Manifest],
        needs: list[pulumi.Resource] | None = None,
    ) -> helm.v3.Release:
        chart = addon_charts()[addon]
        return helm.v3.Release(
            f"{self._name}-{addon}",
            chart=chart.chart,
            version=chart.version,
            repository_opts={"repo": chart.repository} if chart.repository else None,
            name=chart.chart.rpartition("/")[2],
            namespace=namespace,
            values=values,
            atomic=True,
            cleanup_on_fail=True,
            wait_for_jobs=True,
            timeout=_TIMEOUT_SECONDS,
            max_history=_MAX_HISTORY,
            opts=pulumi.ResourceOptions(parent=self, depends_on=needs),
        )

    def _labels(self, addon: str) -> dict[str, str]:
        return object_labels(name=addon, instance=self._name, component="addon")
