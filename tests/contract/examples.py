"""Finds every component, and has an example of each: a component without one fails the contract."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping

import pulumi

import moorage
from moorage.kubernetes.autoscaler import VllmAutoscaler
from moorage.kubernetes.cache import KubernetesValkey
from moorage.kubernetes.cluster_addons import ClusterAddons
from moorage.kubernetes.gateway import KubernetesGateway
from moorage.kubernetes.model_cache import ModelCache
from moorage.kubernetes.monitoring import KubernetesMonitoring
from moorage.kubernetes.namespace import KubernetesNamespace
from moorage.kubernetes.network_policies import NetworkPolicies
from moorage.kubernetes.placement import gpu_pool_placement
from moorage.kubernetes.vllm import VllmDeployment
from moorage.local.activator import LocalActivator
from moorage.local.cache import LocalRedis
from moorage.local.gateway import LocalGateway
from moorage.local.vllm import LocalVllm
from moorage.spec import ModelFacts
from moorage.spec.gateway_document import Upstream

from .aws_examples import AWS_EXAMPLES
from .gcp_examples import GCP_EXAMPLES

ENGINES_OWN = frozenset({f"moorage.local.tiny_model.{name}" for name in ("learning", "tokenizer", "train")})
"""These run under the engine's interpreter, which alone has torch."""

FACTS = ModelFacts(
    architecture="LlamaForCausalLM",
    weight_bytes=2_000_000,
    parameter_count=1_000_000,
    dtype="BF16",
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=4,
    head_dim=32,
    max_position_embeddings=1024,
    vocab_size=1024,
    is_quantized=False,
)
UPSTREAM = Upstream(
    name="engine-1",
    kind="openai-http",
    address="unix:///run/engine-1.sock",
    model="harbour",
    revision="0123456789abcdef",
)
ENGINE_SERVICE = Upstream(
    name="engine",
    kind="openai-http",
    address="http://engine.harbour.svc:8000",
    model="harbour",
    revision="0123456789abcdef",
    max_concurrent_requests=256,
)
VALKEY_IMAGE = "valkey/valkey@sha256:" + "fedcba9876543210" * 4
VLLM_IMAGE = "vllm/vllm-openai@sha256:" + "89abcdef01234567" * 4
IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4

EXAMPLES: Mapping[type[pulumi.ComponentResource], Mapping[str, object]] = {
    LocalVllm: {
        "stack_directory": "/stack",
        "python": "/engine/bin/python",
        "version": "engine-cpu-1",
        "device": "cpu",
        "model": {"source": "/models/harbour"},
        "revision": "0123456789abcdef",
        "load": {"concurrent_requests": 4},
        "service_level": {"p99_request_seconds": 30.0},
        "facts": FACTS,
        "allow_downtime": False,
        "on_demand": True,
    },
    LocalActivator: {
        "stack_directory": "/stack",
        "python": "/venv/bin/python",
        "version": "fedcba9876543210",
        "engine": UPSTREAM,
        "engine_log_file": "/stack/logs/engine-1.log",
        "idle_seconds": 60,
    },
    LocalGateway: {
        "stack_directory": "/stack",
        "python": "/venv/bin/python",
        "version": "fedcba9876543210",
        "upstreams": [UPSTREAM],
        "host": "127.0.0.1",
        "port": 8001,
        "authentication": "api_keys",
        "settings": {"tenants": [{"id": "pilots", "requests_per_minute": 60}], "cache": {"ttl_seconds": 600}},
        "tenant": "pilots",
        "redis_url": "unix:///run/redis.sock",
        "drain_seconds": 45,
    },
    LocalRedis: {"stack_directory": "/stack", "server": "/usr/bin/redis-server"},
    VllmAutoscaler: {
        "namespace": "harbour",
        "target": {"api_version": "apps/v1", "kind": "Deployment", "name": "engine"},
        "model": "harbour",
        "max_num_seqs": 256,
        "min_replicas": 0,
        "max_replicas": 4,
        "controller": "keda",
        "prometheus_url": "http://prometheus-operated.monitoring.svc:9090",
        "gateway_namespace": "harbour",
        "business_hours": {
            "timezone": "Europe/Berlin",
            "start": "0 8 * * 1-5",
            "end": "0 18 * * 1-5",
            "min_replicas": 2,
        },
        "idle_seconds": 600,
    },
    ClusterAddons: {
        "keda": "install",
        "prometheus": "install",
        "device_plugin": "install",
        "leader_worker_set": "install",
        "gpu_placement": gpu_pool_placement("l4", "elastic"),
        "storage_class_name": "gp3",
    },
    KubernetesMonitoring: {
        "namespace": "harbour",
        "model": "harbour",
        "scales_to_zero": True,
        "service_level": {"p99_request_seconds": 30.0},
        "thresholds": {"error_ratio": 0.01, "critical_error_ratio": 0.1, "startup_seconds": 900},
        "runbook_url": "https://example.com/runbooks/alerts.md",
        "prometheus_labels": {"release": "monitoring"},
        "grafana_url": "https://grafana.example.com",
    },
    KubernetesNamespace: {"namespace": "harbour"},
    NetworkPolicies: {
        "namespace": "harbour",
        "models": [{"source": "s3://harbour/harbour", "lora_adapters": {"pilot": "gs://harbour/pilot"}}],
        "weights_cidrs": ["10.20.0.0/24"],
        "exposure": {"kind": "load-balancer", "source_ranges": ["10.0.0.0/8"]},
        "clients": {"namespaces": ["apps"], "cidrs": ["10.0.0.0/8"]},
        "gateway_settings": {"telemetry": {"otlp_endpoint": "http://collector.tracing.svc:4318"}},
        "gateway_destinations": ["https://engine.example.com", "rediss://redis.example.com"],
        "prometheus_namespace": "observability",
        "dns_addresses": ["172.20.0.10"],
    },
    KubernetesValkey: {
        "namespace": "harbour",
        "image": VALKEY_IMAGE,
        "settings": {"tenants": [{"id": "pilots"}], "cache": {"ttl_seconds": 600}},
        "memory_mib": 512,
        "storage_gib": 8,
    },
    ModelCache: {"namespace": "harbour", "weights_gib": 140.0, "storage_class_name": "filestore"},
    VllmDeployment: {
        "namespace": "harbour",
        "image": VLLM_IMAGE,
        "model": {"source": "hf://harbour/harbour@v1"},
        "revision": "v1",
        "placement": gpu_pool_placement("l4", "elastic", termination_notice_seconds=120),
        "load": {"concurrent_requests": 4},
        "service_level": {"p99_request_seconds": 30.0},
        "facts": FACTS.model_dump(),
        "gpu_memory_gib": 21.96,
        "tensor_parallel_size": 2,
        "pipeline_parallel_size": 1,
        "replicas": 2,
        "autoscaled": True,
        "max_surge": 1,
        "allow_downtime": False,
        "lora_rank": 32,
        "service_account_name": "engine",
        "hugging_face_token": {"name": "hugging-face", "key": "token"},
        "model_cache": {"persistentVolumeClaim": {"claimName": "models"}},
        "priority_class_name": "serving",
    },
    KubernetesGateway: {
        "namespace": "harbour",
        "image": IMAGE,
        "upstreams": [ENGINE_SERVICE],
        "authentication": "api_keys",
        "settings": {"tenants": [{"id": "pilots", "requests_per_minute": 60}], "cache": {"ttl_seconds": 600}},
        "tenant": "pilots",
        "redis_url": "rediss://:password@cache.harbour.svc:6379/0",
        "redis_ca_certificate": "-----BEGIN CERTIFICATE-----",
        "secret_environment": {"ENGINE_TOKEN": "token"},
        "service_account_name": "gateway",
        "service_level": {"p99_request_seconds": 30.0},
        "cpu": 2.0,
        "min_replicas": 2,
        "max_replicas": 6,
        "exposure": {
            "kind": "http-route",
            "hostname": "llm.example.com",
            "gateway_name": "public",
            "gateway_namespace": "gateways",
        },
    },
    **AWS_EXAMPLES,
    **GCP_EXAMPLES,
}
"""Every key of each component's arguments, the optional ones too."""


def modules() -> list[str]:
    """But those of the plugin, which has no components of its own: they define google.rpc.Status, as Google's libraries
    do, and one process takes it once."""
    found = [module.name for module in pkgutil.walk_packages(moorage.__path__, "moorage.")]
    return [name for name in found if name not in ENGINES_OWN and not name.startswith("moorage.plugin.")]


def own_subclasses(base: type[pulumi.Resource]) -> list[type[pulumi.Resource]]:
    """Every class of this package that is a `base`, by its name."""
    for module in modules():
        importlib.import_module(module)
    found = {found for found in _subclasses(base) if found.__module__.startswith("moorage.")}
    return sorted(found, key=lambda component: component.__name__)


def component(
    kind: type[pulumi.ComponentResource], name: str, **changes: object
) -> Callable[[], pulumi.ComponentResource]:
    """A program that makes the example of `kind`, with `changes` to its arguments; `...` leaves one out."""
    arguments = {key: value for key, value in {**EXAMPLES[kind], **changes}.items() if value is not ...}
    return lambda: kind(name, arguments)


def _subclasses(base: type) -> Iterable[type]:
    for found in base.__subclasses__():
        yield found
        yield from _subclasses(found)
