"""Programs for AWS: each component in each of its variants, and a whole stack."""

from collections.abc import Callable, Mapping

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_kubernetes.apps.v1 import Deployment

from moorage.aws.asynchronous_endpoint import SagemakerAsyncVllm
from moorage.aws.cache import ElastiCacheValkey
from moorage.aws.cluster import EksCluster
from moorage.aws.container_service import EcsVllm
from moorage.aws.ecs_cluster import EcsCluster
from moorage.aws.ecs_gpu_pool import EcsGpuPool
from moorage.aws.edge import EdgeDistribution
from moorage.aws.fargate_vllm import FargateVllm
from moorage.aws.gateway import FargateGateway
from moorage.aws.gpu_node_group import EksGpuNodeGroup
from moorage.aws.gpu_pool import EksGpuPool
from moorage.aws.identity import EksWorkloadIdentity
from moorage.aws.image_registry import EcrRegistry
from moorage.aws.job_function import LambdaJobWorker
from moorage.aws.job_queue import SqsJobQueue
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.managed import SagemakerVllm
from moorage.aws.model_store import S3ModelStore
from moorage.aws.monitoring import CloudWatchMonitoring
from moorage.aws.network import AwsNetwork
from moorage.aws.rest_api import LambdaRestApi
from moorage.aws.rotated_key import RotatedKey
from moorage.aws.security_group import WorkloadSecurityGroup
from moorage.aws.serverless import LambdaLlm
from moorage.aws.serverless_gpu import LambdaGpuFunction
from moorage.aws.worker import FargateWorker

from .aws_answers import REGION
from .aws_example_values import EXPOSURE, OWN_DOMAIN, OWN_EXPOSURE, PRIVATE_ORIGIN, TAGS
from .examples import component

Variant = tuple[type[pulumi.ComponentResource], Mapping[str, object]]

VARIANTS: Mapping[str, Variant] = {
    "network": (AwsNetwork, {}),
    "cheap network": (AwsNetwork, {"nat_gateways": ..., "interface_endpoints": ...}),
    "cluster": (EksCluster, {"public_access_cidrs": ..., "cluster_name": ...}),
    "guarded cluster": (EksCluster, {"deletion_protection": ...}),
    "cluster reached from outside": (EksCluster, {}),
    "cluster without Auto Mode": (EksCluster, {"auto_mode": False}),
    "pool of Auto Mode": (EksGpuPool, {"provisioner": ..., "ami_version": ...}),
    "pool of Karpenter": (EksGpuPool, {}),
    "node group in a capacity block": (EksGpuNodeGroup, {}),
    "node group in a reservation": (EksGpuNodeGroup, {"capacity_type": "reservation"}),
    "node group on demand": (EksGpuNodeGroup, {"capacity_type": "on-demand", "capacity_reservation_id": ...}),
    "identity": (EksWorkloadIdentity, {}),
    "cache": (ElastiCacheValkey, {}),
    "cache of one node": (ElastiCacheValkey, {"settings": ..., "memory_mib": ..., "replicas": 0}),
    "serverless cache": (ElastiCacheValkey, {"serverless": True, "settings": ..., "memory_mib": ..., "replicas": ...}),
    "function": (
        LambdaLlm,
        dict.fromkeys(
            ("memory_mb", "reserved_concurrency", "provisioned_concurrency", "warm_up_minutes", "tracing"), ...
        ),
    ),
    "function that is kept started": (LambdaLlm, {"provisioned_concurrency": {"min": 2}, "warm_up_minutes": ...}),
    "function that is kept started by use and by the clock": (LambdaLlm, {}),
    "function that is warmed up": (LambdaLlm, {"provisioned_concurrency": ..., "warm_up_minutes": 1}),
    "function that does jobs": (LambdaJobWorker, {}),
    "function that does one job at a time": (
        LambdaJobWorker,
        dict.fromkeys(("memory_mb", "batch_size", "max_concurrency"), ...),
    ),
    "function with a GPU": (LambdaGpuFunction, {"environment": ..., "instance_types": ...}),
    "REST API": (LambdaRestApi, {"client_cidrs": ..., "custom_domain": ..., "tracing": ..., "throttle": ...}),
    "REST API with a domain": (LambdaRestApi, {"log_role": "present"}),
    "REST API with a domain in a zone": (LambdaRestApi, {"custom_domain": OWN_DOMAIN}),
    "monitoring": (CloudWatchMonitoring, {}),
    "monitoring of gateways alone": (
        CloudWatchMonitoring,
        {
            **dict.fromkeys(
                ("load_balancer", "has_cache", "api", "queue_name", "dead_letter_queue_name", "endpoint"), ...
            ),
            **dict.fromkeys(("function_name", "services", "alarm_email", "monthly_budget_usd", "thresholds"), ...),
            "cost_allocation_tag": ...,
            "upstreams": ["engine"],
            "scales_to_zero": True,
        },
    ),
    "rotated key": (RotatedKey, {}),
    "cluster of ECS": (EcsCluster, {}),
    "pool of ECS": (EcsGpuPool, {}),
    "pool of ECS on demand": (
        EcsGpuPool,
        {"rungs": [{"instance_type": "g6.xlarge", "capacity_type": "on-demand"}], "volume_gib": ...},
    ),
    "engines on instances": (EcsVllm, {}),
    "one engine on an instance": (
        EcsVllm,
        {
            **dict.fromkeys(("min_replicas", "max_replicas", "metrics_stack", "has_spot", "policies"), ...),
            "hugging_face_token": ...,
        },
    ),
    "engines on Fargate": (FargateVllm, {}),
    "group of a workload": (WorkloadSecurityGroup, {}),
    "public balancer": (StreamLoadBalancer, {}),
    "balancer with rules of its own": (
        StreamLoadBalancer,
        {"exposure": {**EXPOSURE, "web_acl_arn": None, "managed_web_acl": True}},
    ),
    "balancer with a name in a zone": (StreamLoadBalancer, {"exposure": OWN_EXPOSURE}),
    "balancer of the network": (StreamLoadBalancer, {"exposure": ..., "deletion_protection": ...}),
    "gateway": (FargateGateway, {"rotated_key_arn": ..., "keys": ...}),
    "gateway with a rotated key": (FargateGateway, {}),
    "open gateway": (
        FargateGateway,
        {"redis_url": ..., "authentication": "none", "tenant": ..., "rotated_key_arn": ..., "keys": ...},
    ),
    "endpoint of SageMaker": (SagemakerVllm, {}),
    "small endpoint of SageMaker": (
        SagemakerVllm,
        {"max_instances": ..., "model_key_arn": ..., "data_capture_uri": ..., "data_capture_key_arn": ...},
    ),
    "asynchronous endpoint of SageMaker": (SagemakerAsyncVllm, {}),
    "guarded asynchronous endpoint of SageMaker": (
        SagemakerAsyncVllm,
        {"model_key_arn": ..., "success_topic_arn": ..., "error_topic_arn": ..., "deletion_protection": ...},
    ),
    "edge": (EdgeDistribution, {}),
    "edge with a domain in a zone": (EdgeDistribution, {"custom_domain": OWN_DOMAIN}),
    "edge without a model": (
        EdgeDistribution,
        {
            "origins": {"eu": PRIVATE_ORIGIN},
            **dict.fromkeys(("classifier_file", "custom_domain", "web_acl_arn", "routes", "api_key"), ...),
        },
    ),
    "queue of jobs": (SqsJobQueue, {}),
    "workers, or none": (FargateWorker, {}),
    "workers": (FargateWorker, {"min_replicas": ...}),
    "guarded queue of jobs": (SqsJobQueue, {"deletion_protection": ...}),
    "model store": (S3ModelStore, {}),
    "guarded model store": (S3ModelStore, {"deletion_protection": ...}),
    "registry": (EcrRegistry, {}),
    "registry of repositories alone": (EcrRegistry, {"builds": ..., "digests": ...}),
    "guarded registry": (EcrRegistry, {"deletion_protection": ..., "builds": ..., "digests": ...}),
}

every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())


def program(variant: Variant, name: str = "harbour", **changes: object) -> Callable[[], pulumi.ComponentResource]:
    kind, own = variant
    return component(kind, name, **{**own, **changes})


def stack() -> None:
    """Everything from the network to an engine's pods."""
    network = AwsNetwork(
        "network", {"region": REGION, "availability_zones": [f"{REGION}a", f"{REGION}b"], "tags": TAGS}
    )
    cluster = EksCluster(
        "cluster",
        {
            "region": REGION,
            "account_id": network.account_id,
            "subnet_ids": network.private_subnet_ids,
            "tags": TAGS,
        },
    )
    provider = kubernetes.Provider("cluster", kubeconfig=cluster.kubeconfig, cluster_identifier=cluster.arn)
    inside = pulumi.ResourceOptions(provider=provider)
    pool = EksGpuPool(
        "gpu",
        {
            "rungs": [
                {"instance_type": "g6e.xlarge", "capacity_type": "on-demand"},
                {"instance_type": "g6e.xlarge", "capacity_type": "spot"},
            ],
            "max_gpus": 4,
            "drain_seconds": 75,
            "subnet_ids": network.private_subnet_ids,
            "security_group_id": cluster.security_group_id,
            "node_role_name": cluster.node_role_name,
            "key_arn": cluster.key_arn,
        },
        inside,
    )
    store = S3ModelStore("models", {})
    identity = EksWorkloadIdentity(
        "engine",
        {
            "cluster_name": cluster.name,
            "cluster_arn": cluster.arn,
            "namespace": "harbour",
            "service_account": "engine",
            "policy": store.read_policy,
        },
    )
    Deployment(
        "engine",
        spec={
            "selector": {"match_labels": {"app": "engine"}},
            "template": {
                "metadata": {"labels": {"app": "engine"}},
                "spec": {
                    "node_selector": pool.placement["node_selector"],
                    "containers": [{"name": "engine", "image": "engine"}],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[pool, identity])),
    )
