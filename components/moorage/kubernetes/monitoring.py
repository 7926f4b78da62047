"""What is seen of a stack in a cluster, and who is told when it does not keep its promise."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import apiextensions, core
from pydantic import BaseModel, ConfigDict, Field

from moorage.kubernetes.alert_rules import AlertThresholds, alert_rules
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.monitoring_objects import GRAFANA_LABEL, dashboard_url, dashboards, pod_monitors
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.parsing import known_of, parse
from moorage.spec.service_level import ServiceLevel

_API_VERSION = "monitoring.coreos.com/v1"


class AlertThresholdsArgs(TypedDict):
    """When somebody is told."""

    error_ratio: NotRequired[float]
    """Of requests that fail. Default: 0.05."""
    critical_error_ratio: NotRequired[float]
    """From here on at once. Default: 0.2."""
    p99_time_to_first_token_seconds: NotRequired[float]
    """Of streams. Default: 10."""
    p99_queue_seconds: NotRequired[float]
    """In the gateways' queues. Default: 30."""
    kv_cache_usage_ratio: NotRequired[float]
    """Of all engines together. Default: 0.9."""
    startup_seconds: NotRequired[int]
    """From the first request to the first engine. Default: 1200."""
    least_requests_per_second: NotRequired[float]
    """With fewer, no ratio and no percentile is looked at. Default: 0.05."""


class KubernetesMonitoringArgs(TypedDict):
    """What is watched, and from when on somebody is told."""

    namespace: pulumi.Input[str]
    """Of engines and gateways."""
    model: str
    """The name that clients ask for."""
    scales_to_zero: NotRequired[bool]
    """Whether there may be no engine while nobody asks. Default: no; that none is up is an alert."""
    service_level: NotRequired[ServiceLevelArgs]
    """What is promised. Default: that of `moorage.spec.ServiceLevel`."""
    thresholds: NotRequired[AlertThresholdsArgs]
    """Default: those of `AlertThresholds`."""
    runbook_url: str
    """Of the page docs/runbooks/alerts.md, wherever it is read; each alert links its section."""
    prometheus_labels: NotRequired[Mapping[str, str]]
    """What Prometheus' `podMonitorSelector` and `ruleSelector` look for, such as `release: …`. Default: nothing."""
    grafana_url: NotRequired[pulumi.Input[str]]
    """Where the dashboards are looked at. Default: nobody says."""


class _MonitoringSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = Field(min_length=1)
    scales_to_zero: bool = False
    service_level: ServiceLevel = ServiceLevel()
    thresholds: AlertThresholds = AlertThresholds()
    runbook_url: str = Field(min_length=1)


class KubernetesMonitoring(pulumi.ComponentResource):
    """Scrapes engines and gateways, alerts on what the service level promises, and gives Grafana its dashboards.

    Needs Prometheus' operator in the cluster; some alerts need kube-state-metrics.
    """

    rule_name: pulumi.Output[str]
    """Of the PrometheusRule."""
    dashboard_url: pulumi.Output[str]
    """Of the service's dashboard; empty without `grafana_url`."""

    def __init__(self, name: str, args: KubernetesMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for thresholds that make no sense."""
        super().__init__("moorage:index:KubernetesMonitoring", name, dict(args), opts)
        spec = parse(_MonitoringSpec, known_of(_MonitoringSpec, args), "")
        labels = object_labels(name="moorage-monitoring", instance=name, component="monitoring")
        metadata: Manifest = {
            "namespace": args["namespace"],
            "labels": {**labels, **args.get("prometheus_labels", {})},
        }
        for component, monitor in pod_monitors().items():
            self._create(f"{name}-{component}", "PodMonitor", metadata, monitor)
        rule = self._create(name, "PrometheusRule", metadata, _rule_groups(spec, args["namespace"]))
        config_map: Manifest = {
            "metadata": {**metadata, "name": f"{name}-dashboards", "labels": {**labels, **GRAFANA_LABEL}},
            "data": dashboards(),
        }
        core.v1.ConfigMap(f"{name}-dashboards", opts=pulumi.ResourceOptions(parent=self), **config_map)
        # Through the resource, so that whoever needs it waits for it.
        self.rule_name = rule.id.apply(lambda _: name)
        self.dashboard_url = pulumi.Output.all(args.get("grafana_url", ""), args["namespace"]).apply(
            lambda known: dashboard_url(*known)
        )
        self.register_outputs({"rule_name": self.rule_name, "dashboard_url": self.dashboard_url})

    def _create(
        self, object_name: str, kind: str, metadata: Manifest, spec: pulumi.Input[Manifest]
    ) -> apiextensions.CustomResource:
        manifest: Manifest = {"metadata": {**metadata, "name": object_name}, "spec": spec}
        return apiextensions.CustomResource(
            f"{object_name}-{kind.lower()}",
            api_version=_API_VERSION,
            kind=kind,
            opts=pulumi.ResourceOptions(parent=self),
            **manifest,
        )


def _rule_groups(spec: _MonitoringSpec, namespace: pulumi.Input[str]) -> pulumi.Output[Manifest]:
    def groups(known: str) -> Manifest:
        rules = alert_rules(
            namespace=known,
            model=spec.model,
            scales_to_zero=spec.scales_to_zero,
            service_level=spec.service_level,
            thresholds=spec.thresholds,
            runbook_url=spec.runbook_url,
        )
        return {"groups": [{"name": "moorage", "rules": rules}]}

    return pulumi.Output.from_input(namespace).apply(groups)
