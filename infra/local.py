"""`cloud: local`: vLLM, the gateway and Redis as processes on this machine."""

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pulumi

from configuration import SERVERLESS
from local_model import Model, served_model
from moorage.engine import drain_budget, startup_budget
from moorage.local.activator import LocalActivator, LocalActivatorArgs
from moorage.local.cache import LocalRedis
from moorage.local.gateway import LocalGateway, LocalGatewayArgs
from moorage.local.machine import LocalMachine
from moorage.local.vllm import LocalVllm, LocalVllmArgs
from moorage.spec.gateway_document import Upstream
from moorage.spec.gateway_settings import GatewaySettings
from outputs import StackOutputs, try_it
from patience import with_patience
from settings import Settings

if TYPE_CHECKING:
    from moorage.spec.arguments import LoadArgs, ServiceLevelArgs

REQUIRED_DISK_GIB = 1.0


def build_local(settings: Settings) -> StackOutputs:
    """With option serverless the engine is started by the first request, and stopped when there are none."""
    on_demand = settings.configuration.option == SERVERLESS
    tools = _Tools.of(settings.root)
    gateway_settings = settings.configuration.gateway
    machine = LocalMachine(
        "machine",
        directory=str(settings.root / ".moorage" / settings.stack),
        required_disk_gib=REQUIRED_DISK_GIB,
        host=gateway_settings.host,
        port=gateway_settings.port,
    )
    model = served_model(settings, tools.engine_python, machine)
    engine = LocalVllm(
        "engine", _engine_args(settings, tools, machine, model, on_demand=on_demand), _after(*model.depends_on)
    )
    cache = LocalRedis(
        "cache", {"stack_directory": machine.stack_directory, "server": str(tools.redis_server)}, _after(engine)
    )
    upstream = _activator(settings, machine, engine).upstream if on_demand else engine.upstream
    document = gateway_settings.settings
    if on_demand:
        weight_bytes = model.facts.weight_bytes if model.facts else 0
        document = with_patience(document, startup_budget(weight_bytes, compile_seconds=0))
    gateway = LocalGateway("gateway", _gateway_args(settings, machine, upstream, document, cache))
    return StackOutputs(
        endpoint_url=gateway.endpoint_url,
        api_key=gateway.api_key,
        model=model.served_name,
        revision=model.revision,
        option=settings.configuration.option,
        platform="process",
        dashboard_url=gateway.metrics_url,
        estimated_cost={"usd_per_hour": 0.0, "note": "this machine's own cost is not counted"},
        upstreams=[upstream],
        log_directory=machine.log_directory,
        try_it=try_it(settings.stack, gateway.endpoint_url, model.served_name, model.question),
    )


@dataclass(frozen=True)
class _Tools:
    """What set-up has put into the checkout."""

    engine_python: Path
    engine_version: str
    device: str
    redis_server: Path

    @classmethod
    def of(cls, root: Path) -> "_Tools":
        engine = root / ".tools" / "engine"
        redis_server = root / ".tools" / "redis-server"
        missing = [str(path) for path in (engine / "bin" / "python", redis_server) if not path.exists()]
        if missing:
            raise pulumi.RunError(f"{' and '.join(missing)} is missing: run `make setup`")
        version = engine.resolve().name
        device = "gpu" if version.startswith("engine-cuda") else "cpu"
        return cls(engine / "bin" / "python", version, device, redis_server)


def _engine_args(
    settings: Settings, tools: _Tools, machine: LocalMachine, model: Model, *, on_demand: bool
) -> LocalVllmArgs:
    args: LocalVllmArgs = {
        "stack_directory": machine.stack_directory,
        "python": str(tools.engine_python),
        "version": tools.engine_version,
        "device": tools.device,
        "model": model.args,
        "revision": model.revision,
        "load": cast("LoadArgs", settings.given.get("load", {})),
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "allow_downtime": settings.configuration.engine.allow_downtime,
        "on_demand": on_demand,
    }
    if model.facts is not None:
        args["facts"] = model.facts
    return args


def _activator(settings: Settings, machine: LocalMachine, engine: LocalVllm) -> LocalActivator:
    args: LocalActivatorArgs = {
        "stack_directory": machine.stack_directory,
        "python": sys.executable,
        "version": _package_digest("moorage_serving"),
        "engine": engine.upstream,
        "engine_log_file": engine.log_file,
    }
    if settings.configuration.engine.idle_seconds is not None:
        args["idle_seconds"] = settings.configuration.engine.idle_seconds
    return LocalActivator("activator", args)


def _gateway_args(
    settings: Settings,
    machine: LocalMachine,
    upstream: pulumi.Output[Upstream],
    document: GatewaySettings,
    cache: LocalRedis,
) -> LocalGatewayArgs:
    chosen = settings.configuration.gateway
    drain = drain_budget(settings.configuration.service_level.p99_request_seconds, load_balancer_propagation_seconds=0)
    args: LocalGatewayArgs = {
        "stack_directory": machine.stack_directory,
        "python": sys.executable,
        "version": _package_digest("moorage_serving"),
        "upstreams": [upstream],
        "host": chosen.host,
        "authentication": chosen.authentication,
        "settings": document,
        "redis_url": cache.url,
        "drain_seconds": drain.shutdown_timeout_seconds,
    }
    if chosen.port is not None:
        args["port"] = chosen.port
    if chosen.tenant is not None:
        args["tenant"] = chosen.tenant
    return args


def _after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))


def _package_digest(package: str) -> str:
    """Changes with the package's code, so that the gateway never runs what has been replaced on disk."""
    specification = importlib.util.find_spec(package)
    if specification is None or specification.origin is None:
        raise pulumi.RunError(f"the package {package} is missing: run `make setup`")
    digest = hashlib.sha256()
    for path in sorted(Path(specification.origin).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
