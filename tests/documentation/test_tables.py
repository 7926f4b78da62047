"""The tables of keys and outputs are complete, and say the right defaults."""

import dataclasses
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moorage.spec import Load, ModelSpec, ServiceLevel
from moorage.spec.model import Quantization

from .pages import CONFIGURATION, README

IN_WORDS = {
    "engine.idle_seconds": "300, in a cluster 1800",
    "model": "the tiny model",
    "model.revision": "the Hub's main branch, or the bucket's folder",
    "model.served_name": "the last part of `source`",
    "model.quantization": "the model's own",
    "model.max_model_len": "the model's own",
    "model.lora_adapters": "none",
    "model.chat_template": "the model's own",
    "load.max_prompt_tokens": "what the context leaves room for",
    "load.max_output_tokens": "what the context leaves room for",
    "gateway.port": "8000 if it is free, else another",
    "gateway.tenant": "a tenant without limits",
    "model_facts": "none",
    "engine.lora_rank": "vLLM's own, 16",
    "images": "none",
    "replicas.max": "as many as `min`; with `serverless` 4",
    "cluster.context": "none",
    "cluster.prometheus_url": "the one that is installed",
    "cluster.addons": "none with `kubernetes`, else what is missing",
    "cluster.exposure.hostname": "none",
    "cluster.exposure.gateway_name": "none",
    "cluster.exposure.gateway_namespace": "the stack's own",
    "cluster.exposure.gateway_controller": "none",
    "cluster.exposure.source_ranges": "none",
    "cluster.network.clients": "as `exposure` says",
    "cluster.network.weights_cidrs": "the internet",
    "cluster.storage_class_name": "none",
    "cluster.hugging_face_token": "none",
    "cluster.priority_class_name": "the cluster's own",
    "nodes": "none",
    "monitoring.grafana_url": "the one that is installed",
    "monitoring.storage_class_name": "none",
    "nodes.tolerations.value": "any",
    "nodes.tolerations.effect": "any",
    "nodes.termination_notice_seconds": "as long as pods ask for",
    "nodes.tensor_parallel_size": "the fewest that fit",
    "pool.instance_types": "the cheapest that fit",
    "pool.tensor_parallel_size": "the fewest that fit",
    "load_balancer.certificate_arn": "a new one with `hosted_zone_id`, else none",
    "aws": "none",
    "aws.public_access_cidrs": "nobody",
    "aws.model_key_arn": "none",
    "cloudwatch.alarm_email": "whoever subscribes to the topic",
    "cloudwatch.monthly_budget_usd": "half as much again as the estimate",
    "function.account_id": "the image's",
    "function.memory_mb": "what the model asks for",
    "function.reserved_concurrency": "`load.concurrent_requests`",
    "function.provisioned_concurrency": "none",
    "function.provisioned_concurrency.max": "as many as `min`",
    "function.warm_up_minutes": "none",
    "function.throttle": "50 a second, 100 at once",
    "function.client_cidrs": "any",
    "function.custom_domain": "none",
    "function.custom_domain.certificate_arn": "a new one with `hosted_zone_id`",
    "gcp": "none",
    "platform": "the option's first",
}
"""Defaults that depend on something else."""


@pytest.fixture(scope="module")
def fields(program: SimpleNamespace) -> dict[str, FieldInfo]:
    """Every key of a stack's file, objects first."""
    return dict(_fields(program.configuration.Configuration, ""))


def test_every_key_is_in_the_reference_in_order(fields: dict[str, FieldInfo]):
    assert list(CONFIGURATION.table("key")) == list(fields)


def test_the_specifications_classes_are_where_the_reference_has_them(fields: dict[str, FieldInfo]):
    for group, schema in (("model", ModelSpec), ("load", Load), ("service_level", ServiceLevel)):
        assert {f"{group}.{name}" for name in schema.model_fields} <= set(fields)


def test_the_readme_names_only_keys_that_exist(fields: dict[str, FieldInfo]):
    keys = README.table("key")
    assert keys
    assert set(keys) <= set(fields)


def test_the_defaults_are_right(fields: dict[str, FieldInfo]):
    defaults = {key: cells[1] for key, cells in CONFIGURATION.table("key").items()}
    assert defaults == {key: _default(key, field) for key, field in fields.items()}


def test_the_readme_says_the_references_defaults():
    reference = {key: cells[1].strip("`") for key, cells in CONFIGURATION.table("key").items()}
    for key, cells in README.table("key").items():
        assert cells[0].strip("`") == ("the tiny model" if key == "model.source" else reference[key])


def test_every_choice_is_in_the_reference(fields: dict[str, FieldInfo]):
    allowed = {key: cells[2] for key, cells in CONFIGURATION.table("key").items()}
    for key in ("model.dtype", "gateway.authentication"):
        assert [choice for choice in get_args(fields[key].annotation) if f"`{choice}`" not in allowed[key]] == []


def test_every_method_of_quantization_is_in_the_reference():
    section = CONFIGURATION.text.partition("## Quantization")[2].partition("##")[0]
    assert tuple(re.findall("`([^`]+)`", section)) == get_args(Quantization)


def test_the_cells_of_the_matrix_are_in_the_reference(program: SimpleNamespace):
    allowed = {key: cells[2] for key, cells in CONFIGURATION.table("key").items()}
    for key, values in zip(("cloud", "option"), zip(*program.platforms.PLATFORMS, strict=True), strict=True):
        assert set(re.findall("`([^`]+)`", allowed[key])) == set(values)


def test_every_option_and_platform_is_in_the_readme(program: SimpleNamespace):
    platforms = program.platforms.PLATFORMS
    for option in {option for _, option in platforms}:
        assert f"`{option}`" in README.table("key")["option"][1]
    for platform in {platform.name for several in platforms.values() for platform in several}:
        assert f"`{platform}`" in README.table("output")["platform"][0]


def test_every_platform_is_in_the_reference(program: SimpleNamespace):
    """The first one is the usual one."""
    table = {row: cells[0] for row, cells in CONFIGURATION.table("cloud, option").items()}
    assert table == {
        f"{cloud}, {option}": ", ".join(f"`{platform.name}`" for platform in platforms)
        for (cloud, option), platforms in program.platforms.PLATFORMS.items()
    }


def test_every_output_is_in_the_readme_in_order(program: SimpleNamespace):
    names = [field.name for field in dataclasses.fields(program.outputs.StackOutputs)]
    assert list(README.table("output")) == names


def _fields(schema: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in schema.model_fields.items():
        yield f"{prefix}{name}", field
        for candidate in (field.annotation, *get_args(field.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                yield from _fields(candidate, f"{prefix}{name}.")


def _default(key: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if key in IN_WORDS:
        return IN_WORDS[key]
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "`{}`"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(value)}`"
