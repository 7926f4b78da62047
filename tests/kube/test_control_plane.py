"""The control plane is a real one, so that what it accepts means something."""

from typing import Any

import pytest
from kubernetes.dynamic.exceptions import DynamicApiError, ForbiddenError

from .cluster import Cluster, refusal, wait_until
from .conftest import AddNodes
from .control_plane.control_plane import ControlPlane
from .nodes import instance


def pod(namespace: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "one", "image": "x", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": namespace},
        "spec": {"containers": [container], **spec},
    }


def test_a_field_that_does_not_exist_is_refused(cluster: Cluster, namespace: str):
    with pytest.raises(DynamicApiError) as error:
        cluster.apply(pod(namespace, nodeSelectr={"a": "b"}))
    assert "nodeSelectr" in refusal(error.value)


def test_a_field_of_a_custom_resource_that_does_not_exist_is_refused(cluster: Cluster, namespace: str):
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "engine", "namespace": namespace},
        "spec": {"scaleTargetRef": {"name": "engine"}, "triggers": [], "minReplicas": 1},
    }
    with pytest.raises(DynamicApiError) as error:
        cluster.apply(scaled)
    assert "minReplicas" in refusal(error.value)


def test_a_pod_that_is_not_restricted_is_refused(cluster: Cluster, namespace: str):
    with pytest.raises(ForbiddenError) as error:
        cluster.apply(pod(namespace))
    assert 'violates PodSecurity \\"restricted:latest\\"' in refusal(error.value)


def test_a_user_without_a_role_may_nothing(control_plane: ControlPlane, cluster: Cluster, namespace: str):
    stranger = Cluster(control_plane.kubeconfig_of("stranger"))
    try:
        with pytest.raises(ForbiddenError):
            stranger.objects("v1", "Secret", namespace)
    finally:
        stranger.close()


def test_a_pod_runs_where_its_gpu_is(cluster: Cluster, namespace: str, add_nodes: AddNodes):
    (node,) = add_nodes(1, instance("aws", "us-east-1", "g6e.xlarge"), "runs")
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    gpu = {"limits": {"nvidia.com/gpu": "1"}}
    cluster.apply(
        pod(
            namespace,
            container={"securityContext": secure, "resources": gpu},
            securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}],
        )
    )
    running = wait_until(lambda: [pod for pod in cluster.pods(namespace) if pod["status"]["phase"] == "Running"])
    assert running[0]["spec"]["nodeName"] == node
