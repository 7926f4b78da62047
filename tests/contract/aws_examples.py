"""An example of each component for AWS, with every key of its arguments."""

from collections.abc import Mapping
from pathlib import Path

import pulumi

from moorage.aws.cache import ElastiCacheValkey
from moorage.aws.cluster import EksCluster
from moorage.aws.ecs_cluster import EcsCluster
from moorage.aws.ecs_gpu_pool import EcsGpuPool
from moorage.aws.edge import EdgeDistribution
from moorage.aws.gateway import FargateGateway
from moorage.aws.gpu_node_group import EksGpuNodeGroup
from moorage.aws.gpu_pool import EksGpuPool
from moorage.aws.identity import EksWorkloadIdentity
from moorage.aws.image_registry import EcrRegistry
from moorage.aws.job_queue import SqsJobQueue, consumer_policy
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.model_store import S3ModelStore, read_policy
from moorage.aws.monitoring import CloudWatchMonitoring
from moorage.aws.network import AwsNetwork
from moorage.aws.network_policy_controller import EksNetworkPolicyController
from moorage.aws.rest_api import LambdaRestApi
from moorage.aws.rotated_key import RotatedKey
from moorage.aws.security_group import WorkloadSecurityGroup
from moorage.aws.worker import FargateWorker

from .aws_answers import ACCOUNT_ID, REGION
from .aws_engine_examples import AWS_ENGINE_EXAMPLES
from .aws_example_values import (
    CLUSTER_ARN,
    EXPOSURE,
    KEY_ARN,
    KEYS,
    PUBLIC_ORIGIN,
    RESERVATION,
    SUBNETS,
    TAGS,
    UPSTREAM,
)

ROOT = Path(__file__).parents[2]

AWS_EXAMPLES: Mapping[type[pulumi.ComponentResource], Mapping[str, object]] = {
    **AWS_ENGINE_EXAMPLES,
    AwsNetwork: {
        "region": REGION,
        "availability_zones": [f"{REGION}a", f"{REGION}b", f"{REGION}c"],
        "cidr_block": "10.64.0.0/16",
        "nat_gateways": "per-zone",
        "interface_endpoints": ["ecr.api", "ecr.dkr", "logs", "sts", "sagemaker.runtime"],
        "flow_log_retention_days": 90,
        "tags": TAGS,
    },
    EksCluster: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "subnet_ids": SUBNETS,
        "cluster_name": "harbour-production",
        "version": "1.35",
        "service_ipv4_cidr": "172.30.0.0/20",
        "auto_mode": True,
        "public_access_cidrs": ["203.0.113.0/24"],
        "administrators": {"operators": f"arn:aws:iam::{ACCOUNT_ID}:role/operators"},
        "log_retention_days": 365,
        "deletion_protection": False,
        "tags": TAGS,
    },
    EksGpuPool: {
        "rungs": [
            {"instance_type": "g6e.2xlarge", "capacity_type": "reservation"},
            {"instance_type": "g6e.2xlarge", "capacity_type": "on-demand"},
            {"instance_type": "g6e.4xlarge", "capacity_type": "spot"},
        ],
        "max_gpus": 8,
        "drain_seconds": 75,
        "subnet_ids": SUBNETS,
        "security_group_id": "sg-0123456789abcdef0",
        "node_role_name": "harbour-node-role",
        "key_arn": KEY_ARN,
        "provisioner": "karpenter",
        "ami_version": "v20250920",
        "capacity_reservation_ids": [RESERVATION],
        "ephemeral_storage_gib": 100,
        "tags": TAGS,
    },
    EksGpuNodeGroup: {
        "cluster_name": "harbour",
        "kubernetes_version": "1.35",
        "subnet_ids": ["subnet-a"],
        "node_role_arn": f"arn:aws:iam::{ACCOUNT_ID}:role/harbour-node-role",
        "key_arn": KEY_ARN,
        "instance_type": "p5.48xlarge",
        "node_count": 2,
        "capacity_type": "capacity-block",
        "capacity_reservation_id": RESERVATION,
        "tags": TAGS,
    },
    EksNetworkPolicyController: {},
    EksWorkloadIdentity: {
        "cluster_name": "harbour",
        "cluster_arn": CLUSTER_ARN,
        "namespace": "harbour",
        "service_account": "engine",
        "policy": read_policy("arn:aws:s3:::models", KEY_ARN),
        "tags": TAGS,
    },
    EcsGpuPool: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "cluster_name": "harbour",
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": SUBNETS,
        "rungs": [
            {"instance_type": "g6.xlarge", "capacity_type": "spot"},
            {"instance_type": "g6.2xlarge", "capacity_type": "spot"},
            {"instance_type": "g6.xlarge", "capacity_type": "on-demand"},
            {"instance_type": "g6.2xlarge", "capacity_type": "on-demand"},
        ],
        "min_replicas": 2,
        "max_instances": 9,
        "volume_gib": 120,
        "tags": TAGS,
    },
    EcsCluster: {"region": REGION, "account_id": ACCOUNT_ID, "log_retention_days": 365, "tags": TAGS},
    WorkloadSecurityGroup: {"vpc_id": "vpc-0123456789abcdef0", "tags": TAGS},
    StreamLoadBalancer: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "vpc_id": "vpc-0123456789abcdef0",
        "vpc_cidr_block": "10.0.0.0/16",
        "subnet_ids": SUBNETS,
        "target_security_group_id": "sg-0123456789abcdef0",
        "exposure": EXPOSURE,
        "settings": {"admission": {"max_deadline_seconds": 300}},
        "service_level": {"p99_request_seconds": 30.0},
        "deletion_protection": False,
        "tags": TAGS,
    },
    FargateGateway: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "cluster_name": "harbour",
        "subnet_ids": SUBNETS,
        "security_group_id": "sg-0123456789abcdef0",
        "target_group_arn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/harbour/0123456789abcdef",
        "address": "https://llm.example.com",
        "image": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/moorage/serving@sha256:{'0123456789abcdef' * 4}",
        "upstreams": [UPSTREAM],
        "authentication": "api_keys",
        "policies": [read_policy("arn:aws:s3:::models", KEY_ARN)],
        "redis_url": "rediss://:secret@cache.example.com:6379/0",
        "settings": {
            "tenants": [{"id": "pilots", "requests_per_minute": 60}],
            "telemetry": {"otlp_endpoint": "http://collector.example.com:4318"},
        },
        "rotated_key_arn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:harbour-1a2b3c",
        "keys": [{"id": "worker", "sha256": "0123456789abcdef" * 4, "tenant": "pilots"}],
        "tenant": "pilots",
        "service_level": {"p99_request_seconds": 30.0},
        "cpu": 2.0,
        "min_replicas": 3,
        "max_replicas": 6,
        "architecture": "arm64",
        "log_retention_days": 30,
        "tags": TAGS,
    },
    ElastiCacheValkey: {
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": SUBNETS,
        "client_security_group_ids": ["sg-0123456789abcdef0", "sg-0123456789abcdef1"],
        "settings": {"cache": {"max_tenant_bytes": 2**30}},
        "serverless": False,
        "memory_mib": 4000,
        "replicas": 2,
        "tags": TAGS,
    },
    LambdaRestApi: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "function_name": "harbour-function-1a2b3c4",
        "function_alias": "live",
        "keys": KEYS,
        "timeout_seconds": 120,
        "throttle": {"requests_per_second": 20, "burst": 40},
        "client_cidrs": ["203.0.113.0/24", "2001:db8::/32"],
        "custom_domain": {
            "domain_name": "llm.example.com",
            "certificate_arn": f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/0a1b2c3d",
        },
        "log_role": "install",
        "tracing": True,
        "log_retention_days": 30,
        "tags": TAGS,
    },
    EdgeDistribution: {
        "account_id": ACCOUNT_ID,
        "origins": {"eu": PUBLIC_ORIGIN, "eu-canary": PUBLIC_ORIGIN},
        "routes": {"default": {"eu": 1}, REGION: {"eu": 95, "eu-canary": 5}},
        "api_key": "moorage-0123456789abcdef",
        "classifier_file": str(Path(__file__).with_name("edge_classifier.json")),
        "signing_secret_version": 2,
        "origin_read_timeout_seconds": 60,
        "custom_domain": {
            "domain_name": "llm.example.com",
            "certificate_arn": f"arn:aws:acm:us-east-1:{ACCOUNT_ID}:certificate/0a1b2c3d",
        },
        "web_acl_arn": f"arn:aws:wafv2:us-east-1:{ACCOUNT_ID}:global/webacl/harbour/0a1b2c3d",
        "enabled": False,
        "log_retention_days": 30,
        "tags": TAGS,
    },
    CloudWatchMonitoring: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "stack": "moorage-test",
        "upstreams": ["engine", "endpoint"],
        "scales_to_zero": False,
        "load_balancer": {
            "load_balancer_arn_suffix": "app/harbour/0123456789abcdef",
            "target_group_arn_suffix": "targetgroup/harbour/0123456789abcdef",
        },
        "has_cache": True,
        "api": {"api_name": "harbour-api", "stage_name": "v1"},
        "queue_name": "harbour-jobs",
        "dead_letter_queue_name": "harbour-jobs-failed",
        "endpoint": {"endpoint_name": "harbour-endpoint", "variant_name": "one"},
        "function_name": "harbour-function",
        "services": [{"cluster_name": "harbour", "service_name": "gateway"}],
        "service_level": {"p99_request_seconds": 30},
        "thresholds": {"error_ratio": 0.02},
        "runbook_url": "https://example.com/runbooks/aws-alarms.md",
        "alarm_email": "harbour-master@example.com",
        "monthly_budget_usd": 1200.5,
        "cost_allocation_tag": {"key": "team", "value": "harbour"},
        "tags": TAGS,
    },
    RotatedKey: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "rotation_days": 90,
        "log_retention_days": 365,
        "tags": TAGS,
    },
    SqsJobQueue: {
        "region": REGION,
        "visibility_seconds": 30,
        "retention_days": 2,
        "max_receive_count": 3,
        "result_retention_days": 30,
        "deletion_protection": False,
        "tags": TAGS,
    },
    FargateWorker: {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "cluster_name": "harbour",
        "subnet_ids": SUBNETS,
        "security_group_id": "sg-0123456789abcdef0",
        "image": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/moorage/serving@sha256:{'0123456789abcdef' * 4}",
        "endpoint": "https://llm.example.com",
        "queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/harbour",
        "queue_name": "harbour",
        "bucket_name": "harbour-results",
        "table_name": "harbour-done",
        "result_retention_days": 30,
        "consumer_policy": consumer_policy(
            f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:harbour",
            "arn:aws:s3:::harbour-results",
            f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/harbour-done",
            KEY_ARN,
        ),
        "tenant": "pilots",
        "service_level": {"p99_request_seconds": 30.0},
        "concurrency": 8,
        "min_replicas": 0,
        "max_replicas": 6,
        "architecture": "arm64",
        "log_retention_days": 30,
        "tags": TAGS,
    },
    S3ModelStore: {"deletion_protection": False, "tags": TAGS},
    EcrRegistry: {
        "repositories": ["serving", "serving-lambda", "vllm"],
        "builds": {
            "serving": {
                "context": str(ROOT),
                "dockerfile": str(ROOT / "serving_image" / "Dockerfile"),
                "platforms": ["linux/amd64", "linux/arm64"],
            },
            "serving-lambda": {
                "context": str(ROOT),
                "dockerfile": str(ROOT / "serving_image" / "lambda" / "Dockerfile"),
                "named_contexts": {"model": str(ROOT / "serving_image")},
                "platforms": ["linux/arm64"],
            },
        },
        "digests": {"vllm": f"sha256:{'0123456789abcdef' * 4}"},
        "deletion_protection": False,
        "tags": TAGS,
    },
}
