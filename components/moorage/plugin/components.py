"""Which components the plugin serves, and where each is."""

import importlib
from collections.abc import Mapping

import pulumi

COMPONENTS: Mapping[str, str] = {
    "ArtifactRegistry": "moorage.gcp.image_registry",
    "AwsNetwork": "moorage.aws.network",
    "CloudWatchMonitoring": "moorage.aws.monitoring",
    "ClusterAddons": "moorage.kubernetes.cluster_addons",
    "EcsCluster": "moorage.aws.ecs_cluster",
    "EcsGpuPool": "moorage.aws.ecs_gpu_pool",
    "EcsVllm": "moorage.aws.container_service",
    "FargateGateway": "moorage.aws.gateway",
    "FargateWorker": "moorage.aws.worker",
    "FargateVllm": "moorage.aws.fargate_vllm",
    "StreamLoadBalancer": "moorage.aws.load_balancer",
    "WorkloadSecurityGroup": "moorage.aws.security_group",
    "EcrRegistry": "moorage.aws.image_registry",
    "EdgeDistribution": "moorage.aws.edge",
    "EksCluster": "moorage.aws.cluster",
    "EksGpuNodeGroup": "moorage.aws.gpu_node_group",
    "EksGpuPool": "moorage.aws.gpu_pool",
    "EksNetworkPolicyController": "moorage.aws.network_policy_controller",
    "EksWorkloadIdentity": "moorage.aws.identity",
    "ElastiCacheValkey": "moorage.aws.cache",
    "GcsModelStore": "moorage.gcp.model_store",
    "GkeCluster": "moorage.gcp.cluster",
    "GkeComputeClass": "moorage.gcp.compute_class",
    "GkeGpuPool": "moorage.gcp.gpu_pool",
    "GkeNetwork": "moorage.gcp.network",
    "GkeWorkloadIdentity": "moorage.gcp.identity",
    "KubernetesGateway": "moorage.kubernetes.gateway",
    "KubernetesMonitoring": "moorage.kubernetes.monitoring",
    "KubernetesNamespace": "moorage.kubernetes.namespace",
    "KubernetesValkey": "moorage.kubernetes.cache",
    "LambdaGpuFunction": "moorage.aws.serverless_gpu",
    "LambdaJobWorker": "moorage.aws.job_function",
    "LambdaLlm": "moorage.aws.serverless",
    "LambdaRestApi": "moorage.aws.rest_api",
    "ModelCache": "moorage.kubernetes.model_cache",
    "NetworkPolicies": "moorage.kubernetes.network_policies",
    "RotatedKey": "moorage.aws.rotated_key",
    "SagemakerAsyncVllm": "moorage.aws.asynchronous_endpoint",
    "SagemakerVllm": "moorage.aws.managed",
    "SqsJobQueue": "moorage.aws.job_queue",
    "S3ModelStore": "moorage.aws.model_store",
    "VllmAutoscaler": "moorage.kubernetes.autoscaler",
    "VllmDeployment": "moorage.kubernetes.vllm",
}
"""The module of each, by its name. All but those of `moorage.local`, which this repository's program alone puts
together: their stack directory comes from a resource that is no component."""


def component(name: str) -> type[pulumi.ComponentResource]:
    """Imports nothing but this component's module: a cloud's SDK takes seconds. Raises `KeyError`."""
    return getattr(importlib.import_module(COMPONENTS[name]), name)
