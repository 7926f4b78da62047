"""Real KEDA beside the control plane: its operator, and its server of the metrics that autoscalers read."""

import base64
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .cluster import Cluster, Document, wait_until
from .control_plane.control_plane import HOST, ControlPlane
from .control_plane.process import answers, free_port, running

NAMESPACE = "keda"
METRICS_API = "v1beta1.external.metrics.k8s.io"
_OPERATOR, _METRICS = "keda-operator", "keda-metrics-apiserver"


@contextmanager
def running_keda(plane: ControlPlane, cluster: Cluster) -> Generator[None]:
    """From the moment when autoscalers can read its metrics."""
    cluster.ensure_namespace(NAMESPACE)
    certificates = _certificates(plane)
    metrics_port, secure_port = free_port(), free_port()
    with ExitStack() as parts:
        parts.enter_context(_operator(plane, certificates, metrics_port))
        parts.enter_context(_adapter(plane, certificates, metrics_port, secure_port))
        with cluster.applied(_api_service(plane, secure_port)):
            wait_until(lambda: _is_available(cluster), what="KEDA's metrics API")
            yield


def _certificates(plane: ControlPlane) -> Path:
    """A folder with one certificate for both servers, and the authority that both trust."""
    folder = plane.directory / "keda-certificates"
    folder.mkdir()
    hosts = [f"{service}.{NAMESPACE}.svc" for service in (_OPERATOR, _METRICS)]
    issued = plane.authority.issue(_OPERATOR, hosts=[*hosts, "localhost"])
    for source, name in ((issued.certificate, "tls.crt"), (issued.key, "tls.key"), (plane.authority.file, "ca.crt")):
        shutil.copy(source, folder / name)
    return folder


def _operator(plane: ControlPlane, certificates: Path, metrics_port: int):
    health = free_port()
    flags = [
        f"--cert-dir={certificates}",
        f"--metrics-service-bind-address={HOST}:{metrics_port}",
        f"--metrics-bind-address={HOST}:{free_port()}",
        f"--health-probe-bind-address={HOST}:{health}",
    ]
    ready = answers(f"http://{HOST}:{health}/readyz")
    return running("keda-operator", flags, directory=plane.directory, ready=ready, environment=_environment(plane))


def _adapter(plane: ControlPlane, certificates: Path, metrics_port: int, secure_port: int):
    flags = [
        f"--lister-kubeconfig={plane.kubeconfig}",
        f"--authentication-kubeconfig={plane.kubeconfig}",
        f"--authorization-kubeconfig={plane.kubeconfig}",
        f"--client-ca-file={plane.authority.file}",
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        f"--cert-dir={certificates}",
        f"--bind-address={HOST}",
        f"--secure-port={secure_port}",
        f"--port={free_port()}",
        f"--metrics-service-address={HOST}:{metrics_port}",
        f"--metrics-service-grpc-authority={_OPERATOR}.{NAMESPACE}.svc",
    ]
    ready = answers(f"https://{HOST}:{secure_port}/readyz")
    return running("keda-adapter", flags, directory=plane.directory, ready=ready, environment=_environment(plane))


def _environment(plane: ControlPlane) -> Mapping[str, str]:
    return {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
        "POD_NAMESPACE": NAMESPACE,
        "WATCH_NAMESPACE": "",
    }


def _api_service(plane: ControlPlane, port: int) -> list[Document]:
    """The API server asks KEDA for external metrics, at a name that leads out of the cluster."""
    service = {"name": _METRICS, "namespace": NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": METRICS_API},
            "spec": {
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(plane.authority.file.read_bytes()).decode(),
                "service": {**service, "port": port},
            },
        },
    ]


def _is_available(cluster: Cluster) -> bool:
    status = cluster.get("apiregistration.k8s.io/v1", "APIService", METRICS_API).get("status", {})
    conditions = status.get("conditions") or []
    return any((condition["type"], condition["status"]) == ("Available", "True") for condition in conditions)
