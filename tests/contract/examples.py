"""Finds every component, and has an example of each: a component without one fails the contract."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping

import pulumi

import moorage
from moorage.local.activator import LocalActivator
from moorage.local.cache import LocalRedis
from moorage.local.gateway import LocalGateway
from moorage.local.vllm import LocalVllm
from moorage.spec import ModelFacts
from moorage.spec.gateway_document import Upstream

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
    **GCP_EXAMPLES,
}
"""Every key of each component's arguments, the optional ones too."""


def modules() -> list[str]:
    return [
        module.name for module in pkgutil.walk_packages(moorage.__path__, "moorage.") if module.name not in ENGINES_OWN
    ]


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
