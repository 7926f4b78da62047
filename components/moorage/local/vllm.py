"""vLLM on this machine."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from moorage.engine import (
    Device,
    DrainBudget,
    UnixSocket,
    check_servable,
    drain_budget,
    kv_cache_bytes,
    memory_need,
    startup_budget,
    vllm_arguments,
    vllm_command,
    vllm_environment,
)
from moorage.local.process import LocalProcess
from moorage.local.sources import check_sources
from moorage.spec import ModelFacts, ModelSpec, parse_load, parse_model, parse_service_level
from moorage.spec.arguments import LoadArgs, ModelArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Upstream

# Longer than vLLM takes to load a small model: one that dies while loading is retried slower and slower.
_START_SECONDS = 120
_PROPAGATION_SECONDS = 2
"""The gateway has sent nothing more since it has read its new document, but what it sent just before may not have
reached vLLM's scheduler, and then vLLM 0.32 answers with an empty stream once it has got SIGTERM."""


class LocalVllmArgs(TypedDict):
    """What is served, with what, and how it is replaced."""

    stack_directory: pulumi.Input[str]
    """The stack's directory, as `LocalMachine` gives it."""
    python: str
    """An interpreter that has vLLM."""
    version: str
    """Of that interpreter's packages; another one means a new engine."""
    device: str
    """`cpu` or `gpu`."""
    model: ModelArgs
    """Every folder in it is absolute."""
    revision: str
    """Which weights these are; another one means a new engine."""
    load: NotRequired[LoadArgs]
    """Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """Default: that of `moorage.spec.ServiceLevel`."""
    facts: NotRequired[ModelFacts]
    """What is known of the model before it is loaded. Default: nothing, and vLLM finds its memory itself."""
    allow_downtime: NotRequired[bool]
    """Whether the old engine is stopped before a new one starts, which is needed where the memory does not hold two.
    Default: it is not."""
    on_demand: NotRequired[bool]
    """Whether it stays down until a `LocalActivator` starts it. Default: `up` starts it."""


class LocalVllm(pulumi.ComponentResource):
    """One vLLM engine that only its owner can reach, on a Unix socket.

    A change of model, revision or arguments starts a new engine, waits until it is ready, lets the gateway move over,
    and then lets the old one finish its requests. One that is started `on_demand` is replaced without being started.
    """

    upstream: pulumi.Output[Upstream]
    """What a gateway has to know."""
    log_file: pulumi.Output[str]

    def __init__(self, name: str, args: LocalVllmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a model, load or service level that cannot be served."""
        facts = args.get("facts")
        recorded = {**args, "facts": facts.model_dump()} if facts else dict(args)
        super().__init__("moorage:index:LocalVllm", name, recorded, opts)
        model = parse_model(args["model"])
        process = self._create_process(name, args, model)
        self.upstream = pulumi.Output.all(process.instance, process.address).apply(
            lambda known: Upstream(
                name=known[0],
                kind="openai-http",
                address=known[1],
                model=model.served_name,
                revision=args["revision"],
            )
        )
        self.log_file = process.log_file
        self.register_outputs({"upstream": self.upstream, "log_file": self.log_file})

    def _create_process(self, name: str, args: LocalVllmArgs, model: ModelSpec) -> LocalProcess:
        plan = _plan(args, model)
        return LocalProcess(
            f"{name}-process",
            stack_directory=args["stack_directory"],
            program="engine",
            command=[*vllm_command(args["python"]), *plan.arguments],
            environment=vllm_environment(model, device=plan.device),
            version=f"{args['version']} {args['revision']}",
            readiness={"protocol": "http", "path": "/health", "timeout_seconds": plan.startup_seconds},
            start_seconds=_START_SECONDS,
            stop_seconds=plan.drain.grace_seconds - plan.drain.pre_stop_seconds,
            pre_stop_seconds=plan.drain.pre_stop_seconds,
            required_memory_gib=plan.required_memory_gib,
            allow_downtime=args.get("allow_downtime", False),
            on_demand=args.get("on_demand", False),
            opts=pulumi.ResourceOptions(parent=self),
        )


@dataclass(frozen=True)
class _Plan:
    device: Device
    arguments: list[str]
    drain: DrainBudget
    startup_seconds: int
    required_memory_gib: float


def _plan(args: LocalVllmArgs, model: ModelSpec) -> _Plan:
    """Everything about the engine that follows from the specification and, where they are known, the model's facts."""
    check_sources(model)
    device: Device = "gpu" if args["device"] == "gpu" else "cpu"
    load = parse_load(args.get("load", {}))
    service_level = parse_service_level(args.get("service_level", {}))
    drain = drain_budget(service_level.p99_request_seconds, _PROPAGATION_SECONDS)
    facts = args.get("facts")
    if facts is not None:
        check_servable(model, facts, load, device=device)
    arguments = vllm_arguments(
        model,
        UnixSocket("{socket}"),
        device=device,
        shutdown_timeout_seconds=drain.shutdown_timeout_seconds,
        kv_cache_memory_bytes=kv_cache_bytes(model, facts, load, device=device) if facts else None,
    )
    return _Plan(
        device=device,
        arguments=arguments,
        drain=drain,
        startup_seconds=startup_budget(facts.weight_bytes if facts else 0, compile_seconds=0),
        # A GPU's memory is vLLM's own to check: this machine's says nothing about it.
        required_memory_gib=memory_need(model, facts, load, device=device).total_gib
        if facts and device == "cpu"
        else 0.0,
    )
