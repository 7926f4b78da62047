"""Starts the control plane, each part as the reference documentation of its flags has it."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .certificates import Authority, Certificate
from .kubeconfig import write_kubeconfig
from .process import answers, free_port, running

HOST = "127.0.0.1"
AUTOSCALER_SYNC_SECONDS = 1
"""Of Kubernetes' 15, so that tests need not wait."""
_SERVICE_NETWORK = "10.96.0.0/16"
_FIRST_SERVICE_ADDRESS = "10.96.0.1"
_POD_NETWORK = "10.64.0.0/10"


@dataclass(frozen=True)
class ControlPlane:
    """A running one."""

    directory: Path
    server: str
    authority: Authority
    kubeconfig: Path
    """Of a user who may do everything (the group `system:masters`)."""

    def kubeconfig_of(self, user: str, *, organization: str = "") -> Path:
        """A kubeconfig of somebody else."""
        certificate = self.authority.issue(user, organization=organization)
        name = user.replace(":", "-")
        file = self.directory / f"{name}.kubeconfig"
        return write_kubeconfig(file, server=self.server, authority=self.authority.file, client=certificate)


@contextmanager
def running_control_plane(directory: Path) -> Generator[ControlPlane]:
    """A control plane with everything that it writes in `directory`; nothing of it is left after the block."""
    with ExitStack() as parts:
        etcd = parts.enter_context(_etcd(directory))
        plane = parts.enter_context(_api_server(directory, etcd))
        parts.enter_context(_controller_manager(plane))
        parts.enter_context(_scheduler(plane))
        parts.enter_context(_nodes(plane))
        yield plane


@contextmanager
def _etcd(directory: Path) -> Generator[str]:
    client, peer = (f"http://{HOST}:{free_port()}" for _ in range(2))
    flags = {
        "data-dir": str(directory / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
    }
    with running("etcd", _arguments(flags), directory=directory, ready=answers(f"{client}/health")):
        yield client


@contextmanager
def _api_server(directory: Path, etcd: str) -> Generator[ControlPlane]:
    port = free_port()
    server = f"https://{HOST}:{port}"
    authority = Authority(directory, "cluster-authority")
    names = (HOST, "localhost", "kubernetes.default.svc", _FIRST_SERVICE_ADDRESS)
    serving = authority.issue("kube-apiserver", hosts=names)
    accounts = authority.issue("service-accounts")
    front_proxy = authority.issue("front-proxy")
    flags = {
        "etcd-servers": etcd,
        "bind-address": HOST,
        "advertise-address": HOST,
        "secure-port": str(port),
        "tls-cert-file": str(serving.certificate),
        "tls-private-key-file": str(serving.key),
        "client-ca-file": str(authority.file),
        "authorization-mode": "Node,RBAC",
        "service-cluster-ip-range": _SERVICE_NETWORK,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(accounts.certificate),
        "service-account-signing-key-file": str(accounts.key),
        "cert-dir": str(directory),
        # Pods run nothing, so that none looks for the API server's own service; a loopback address is none for it.
        "endpoint-reconciler-type": "none",
        **_aggregation(authority, front_proxy),
    }
    with running("kube-apiserver", _arguments(flags), directory=directory, ready=answers(f"{server}/readyz")):
        administrator = authority.issue("administrator", organization="system:masters")
        file = directory / "administrator.kubeconfig"
        write_kubeconfig(file, server=server, authority=authority.file, client=administrator)
        yield ControlPlane(directory, server, authority, file)


def _aggregation(authority: Authority, front_proxy: Certificate) -> Mapping[str, str]:
    """For servers behind the API server, such as KEDA's metrics
    (kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer, read 2026-11-25)."""
    return {
        "requestheader-client-ca-file": str(authority.file),
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": str(front_proxy.certificate),
        "proxy-client-key-file": str(front_proxy.key),
    }


@contextmanager
def _controller_manager(plane: ControlPlane) -> Generator[None]:
    port = free_port()
    flags = {
        **_controller_flags(plane, "system:kube-controller-manager", port),
        "use-service-account-credentials": "true",
        "horizontal-pod-autoscaler-sync-period": f"{AUTOSCALER_SYNC_SECONDS}s",
        "service-account-private-key-file": str(plane.directory / "service-accounts.key"),
        "root-ca-file": str(plane.authority.file),
    }
    with _serving(plane, "kube-controller-manager", flags, port):
        yield


@contextmanager
def _scheduler(plane: ControlPlane) -> Generator[None]:
    port = free_port()
    with _serving(plane, "kube-scheduler", _controller_flags(plane, "system:kube-scheduler", port), port):
        yield


def _controller_flags(plane: ControlPlane, user: str, port: int) -> dict[str, str]:
    """What those take that ask the API server as `user`, and are asked for their health on `port`."""
    kubeconfig = str(plane.kubeconfig_of(user))
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": HOST,
        "secure-port": str(port),
        "cert-dir": str(plane.directory),
        "leader-elect": "false",
    }


@contextmanager
def _nodes(plane: ControlPlane) -> Generator[None]:
    """kwok answers for the kubelet of every node: pods on it start, become ready and end at once."""
    port = free_port()
    flags = {
        "kubeconfig": str(plane.kubeconfig),
        "manage-all-nodes": "true",
        "cidr": _POD_NETWORK,
        "server-address": f"{HOST}:{port}",
    }
    ready = answers(f"http://{HOST}:{port}/healthz")
    with running("kwok", _arguments(flags), directory=plane.directory, ready=ready):
        yield


@contextmanager
def _serving(plane: ControlPlane, program: str, flags: Mapping[str, str], port: int) -> Generator[None]:
    ready = answers(f"https://{HOST}:{port}/healthz")
    with running(program, _arguments(flags), directory=plane.directory, ready=ready):
        yield


def _arguments(flags: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
