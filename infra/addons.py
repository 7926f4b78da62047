"""What a stack installs in its cluster besides itself, and what watches it."""

from typing import TYPE_CHECKING, cast

import pulumi

from moorage.kubernetes.cluster_addons import ClusterAddons, ClusterAddonsArgs
from moorage.kubernetes.monitoring import KubernetesMonitoring, KubernetesMonitoringArgs

if TYPE_CHECKING:
    from cluster_configuration import Addon
    from cluster_stack import ClusterParts
    from configuration import Configuration
    from moorage.spec.arguments import ServiceLevelArgs
    from settings import Settings

_RUN_ENGINES: "frozenset[Addon]" = frozenset({"device-plugin", "leader-worker-set"})


def install_addons(configuration: "Configuration", parts: "ClusterParts") -> ClusterAddons | None:
    """After `parts.needs`; None where all is there already."""
    addons = _addons(configuration, parts)
    if not addons:
        return None

    def presence(addon: "Addon") -> str:
        return "install" if addon in addons else "present"

    args: ClusterAddonsArgs = {
        "keda": presence("keda"),
        "prometheus": presence("prometheus"),
        "device_plugin": presence("device-plugin"),
        "leader_worker_set": presence("leader-worker-set"),
        "gpu_placement": parts.placement,
    }
    if configuration.monitoring.storage_class_name is not None:
        args["storage_class_name"] = configuration.monitoring.storage_class_name
    return ClusterAddons("addons", args, after(parts.opts, *parts.needs))


def engine_opts(
    configuration: "Configuration", parts: "ClusterParts", addons: ClusterAddons | None
) -> pulumi.ResourceOptions:
    """Engines wait for what they run on, and not for what scales and watches them."""
    waits = _RUN_ENGINES & _addons(configuration, parts)
    return after(parts.opts, addons) if waits else parts.opts


def monitor(
    settings: "Settings",
    model: str,
    namespace: pulumi.Output[str],
    addons: ClusterAddons | None,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """The address of the service's dashboard; empty where no Grafana is known."""
    configuration = settings.configuration
    args: KubernetesMonitoringArgs = {
        "namespace": namespace,
        "model": model,
        "scales_to_zero": configuration.least_replicas == 0,
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "runbook_url": configuration.monitoring.runbook_url,
        "prometheus_labels": configuration.monitoring.prometheus_labels,
    }
    if configuration.monitoring.grafana_url is not None:
        args["grafana_url"] = configuration.monitoring.grafana_url
    elif addons is not None:
        args["grafana_url"] = addons.grafana_url
    return KubernetesMonitoring("monitoring", args, opts).dashboard_url


def after(opts: pulumi.ResourceOptions, *needs: pulumi.Resource | None) -> pulumi.ResourceOptions:
    """With these as what has to be there before, and is deleted after."""
    known = [need for need in needs if need is not None]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=known))


def _addons(configuration: "Configuration", parts: "ClusterParts") -> "frozenset[Addon]":
    return configuration.addons(several_nodes=parts.parallelism.pipeline_parallel_size > 1)
