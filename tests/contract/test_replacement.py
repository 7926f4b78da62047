"""Which change of an argument starts a new process, and which is taken over by the one that runs."""

from collections.abc import Callable
from typing import Any

import pytest
from pulumi.dynamic import DiffResult

from moorage.local.activator import LocalActivator
from moorage.local.cache import LocalRedis
from moorage.local.definition import ProcessDefinition
from moorage.local.gateway import LocalGateway
from moorage.local.process_provider import ProcessInputs, ProcessProvider
from moorage.local.vllm import LocalVllm

from .examples import UPSTREAM, component
from .recording import run_program

REPLACED, UPDATED, NOT_NOTICED = "replaced", "updated", "not noticed"

EFFECTS = {
    "stack_directory": ("/elsewhere", REPLACED),
    "program": ("other", REPLACED),
    "command": (["other"], REPLACED),
    "environment": ({"HOME": "/elsewhere"}, REPLACED),
    "files": ({"gateway.json": "{}"}, UPDATED),
    "readiness": ({"protocol": "http", "path": "/other", "timeout_seconds": 1.0}, UPDATED),
    "stop_seconds": (1.0, REPLACED),
    "pre_stop_seconds": (5.0, UPDATED),
    "reload_signal": ("USR1", UPDATED),
    "host": ("0.0.0.0", REPLACED),
    "requested_port": (9000.0, REPLACED),
    "version": ("2", REPLACED),
    "start_seconds": (5.0, REPLACED),
    "required_memory_gib": (1.0, NOT_NOTICED),
    "allow_downtime": (True, UPDATED),
    "on_demand": (True, REPLACED),
}
"""What becomes of each input of a process when it changes to this value."""


def inputs_of(kind: Callable[..., Any], **changes: object) -> dict[str, Any]:
    """Of the process that the component makes, as the provider gets them."""
    _, recording = run_program(component(kind, "harbour", **changes))
    return recording.the("LocalProcess").inputs


def running(inputs: dict[str, Any]) -> dict[str, Any]:
    """The state of a process that was made of these inputs."""
    definition = ProcessDefinition(
        program=inputs["program"],
        command=tuple(inputs["command"]),
        environment=inputs["environment"],
        host=inputs.get("host"),
        version=inputs["version"],
        start_seconds=int(inputs["start_seconds"]),
        on_demand=inputs["on_demand"],
        required_memory_gib=inputs["required_memory_gib"] if inputs["on_demand"] else 0.0,
    )
    return {**inputs, "instance": "harbour-abc123", "definition_sha256": definition.sha256()}


def difference(olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
    return ProcessProvider().diff("harbour-abc123", running(olds), news)


def effect(result: DiffResult) -> str:
    if result.replaces:
        return REPLACED
    return UPDATED if result.changes else NOT_NOTICED


def test_every_input_has_an_effect_that_was_decided():
    assert set(EFFECTS) == set(ProcessInputs.__annotations__)


@pytest.mark.parametrize(("name", "value", "expected"), [(name, *rest) for name, rest in EFFECTS.items()])
def test_one_changed_input(name: str, value: object, expected: str):
    olds = inputs_of(LocalGateway)
    result = difference(olds, {**olds, name: value})
    assert effect(result) == expected
    assert len(result.replaces) == (1 if expected == REPLACED else 0)


@pytest.mark.parametrize("kind", [LocalVllm, LocalActivator, LocalGateway, LocalRedis])
def test_nothing_changes_by_itself(kind: Any):
    assert effect(difference(inputs_of(kind), inputs_of(kind))) == NOT_NOTICED


def test_without_a_reload_signal_a_changed_file_needs_a_new_process():
    olds = {key: value for key, value in inputs_of(LocalGateway).items() if key != "reload_signal"}
    assert difference(olds, {**olds, "files": {}}).replaces == ["files"]


def test_a_process_whose_definition_was_edited_is_replaced():
    inputs = inputs_of(LocalRedis)
    edited = {**running(inputs), "definition_sha256": ""}
    assert ProcessProvider().diff("harbour-abc123", edited, inputs).replaces == ["version"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"upstreams": [{**UPSTREAM, "name": "engine-2"}]}, UPDATED),
        ({"redis_url": ..., "settings": ..., "tenant": ...}, UPDATED),
        ({"settings": {"tenants": [{"id": "pilots", "requests_per_minute": 90}]}}, UPDATED),
        ({"tenant": ...}, UPDATED),
        ({"authentication": "none"}, UPDATED),
        ({"version": "another"}, REPLACED),
        ({"port": 8002}, REPLACED),
        ({"host": "::1"}, REPLACED),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_changed_gateway(changes: dict[str, object], expected: str):
    assert effect(difference(inputs_of(LocalGateway), inputs_of(LocalGateway, **changes))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"revision": "fedcba9876543210"}, REPLACED),
        ({"version": "engine-cpu-2"}, REPLACED),
        ({"model": {"source": "/models/other"}}, REPLACED),
        ({"model": {"source": "/models/harbour", "max_model_len": 512}}, REPLACED),
        ({"load": {"concurrent_requests": 10_000}}, REPLACED),
        ({"service_level": {"p99_request_seconds": 60.0}}, REPLACED),
        ({"on_demand": False}, REPLACED),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_changed_engine(changes: dict[str, object], expected: str):
    assert effect(difference(inputs_of(LocalVllm), inputs_of(LocalVllm, **changes))) == expected


@pytest.mark.parametrize("changes", [{"engine": {**UPSTREAM, "name": "engine-2"}}, {"idle_seconds": 61}])
def test_another_engine_or_idle_time_needs_a_new_activator(changes: dict[str, object]):
    result = difference(inputs_of(LocalActivator), inputs_of(LocalActivator, **changes))
    assert result.replaces == ["files"]


@pytest.mark.parametrize("allow_downtime", [True, False])
def test_the_old_engine_goes_first_only_where_downtime_is_allowed(allow_downtime: bool):
    news = inputs_of(LocalVllm, revision="fedcba9876543210", allow_downtime=allow_downtime)
    assert difference(inputs_of(LocalVllm), news).delete_before_replace is allow_downtime
