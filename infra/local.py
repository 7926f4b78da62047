"""`cloud: local`: vLLM, the gateway and Redis as processes on this machine."""

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pulumi

from moorage.engine import drain_budget
from moorage.local.cache import LocalRedis
from moorage.local.gateway import LocalGateway, LocalGatewayArgs
from moorage.local.machine import LocalMachine
from moorage.local.model_folder import inspect_model_folder
from moorage.local.model_revision import model_folder_revision
from moorage.local.tiny_model import read_questions, tiny_model_facts, tiny_model_folder, tiny_model_revision
from moorage.local.tiny_model_resource import TinyModel
from moorage.local.vllm import LocalVllm, LocalVllmArgs
from moorage.spec import FolderSource, HubSource, ModelFacts, ModelSpec
from moorage.spec.arguments import LoadArgs, ModelArgs, ServiceLevelArgs
from outputs import StackOutputs, try_it
from settings import Settings

REQUIRED_DISK_GIB = 1.0
TINY_MODEL_NAME = "tiny-model"


@dataclass(frozen=True)
class _Model:
    """What is served, and what it has to wait for."""

    args: ModelArgs
    served_name: str
    revision: str
    facts: ModelFacts | None
    question: str
    depends_on: list[pulumi.Resource]


def build_local_always_on(settings: Settings) -> StackOutputs:
    tools = _Tools.of(settings.root)
    gateway_settings = settings.configuration.gateway
    machine = LocalMachine(
        "machine",
        directory=str(settings.root / ".moorage" / settings.stack),
        required_disk_gib=REQUIRED_DISK_GIB,
        host=gateway_settings.host,
        port=gateway_settings.port,
    )
    model = _configured_model(settings) or _tiny_model(settings, tools, machine)
    engine = LocalVllm("engine", _engine_args(settings, tools, machine, model), _after(*model.depends_on))
    cache = LocalRedis(
        "cache", {"stack_directory": machine.stack_directory, "server": str(tools.redis_server)}, _after(engine)
    )
    gateway = LocalGateway("gateway", _gateway_args(settings, machine, engine, cache))
    return StackOutputs(
        endpoint_url=gateway.endpoint_url,
        api_key=gateway.api_key,
        model=model.served_name,
        revision=model.revision,
        option=settings.configuration.option,
        platform="process",
        dashboard_url=gateway.metrics_url,
        estimated_cost={"usd_per_hour": 0.0, "note": "this machine's own cost is not counted"},
        upstreams=[engine.upstream],
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


def _configured_model(settings: Settings) -> _Model | None:
    spec = settings.configuration.model
    if spec is None:
        return None
    args = _with_absolute_paths(cast("ModelArgs", settings.given["model"]), spec, settings.root)
    question = "Hello, who are you?"
    if isinstance(spec.source, HubSource):
        return _Model(args, spec.served_name, spec.hub_revision or "main", None, question, [])
    folder = Path(args["source"])
    facts = inspect_model_folder(folder)
    return _Model(args, spec.served_name, model_folder_revision(folder), facts, question, [])


def _with_absolute_paths(given: ModelArgs, spec: ModelSpec, root: Path) -> ModelArgs:
    """A relative path in a stack's file is relative to the checkout."""

    def absolute(path: str) -> str:
        return str((root / Path(path).expanduser()).resolve())

    args: ModelArgs = {**given}
    if isinstance(spec.source, FolderSource):
        args["source"] = absolute(spec.source.path)
    if spec.chat_template is not None:
        args["chat_template"] = absolute(spec.chat_template)
    folders = {name: source.path for name, source in spec.lora_adapters.items() if isinstance(source, FolderSource)}
    if folders:
        args["lora_adapters"] = {
            **given.get("lora_adapters", {}),
            **{name: absolute(path) for name, path in folders.items()},
        }
    return args


def _tiny_model(settings: Settings, tools: _Tools, machine: LocalMachine) -> _Model:
    ratio = settings.configuration.tiny_model.wrong_answer_ratio
    built = TinyModel(
        "tiny-model",
        python=str(tools.engine_python),
        cache_directory=str(settings.cache_directory),
        wrong_answer_ratio=ratio,
        opts=_after(machine),
    )
    folder = tiny_model_folder(settings.cache_directory, ratio)
    return _Model(
        args={"source": str(folder), "served_name": TINY_MODEL_NAME},
        served_name=TINY_MODEL_NAME,
        revision=tiny_model_revision(ratio),
        facts=tiny_model_facts(),
        question=read_questions()[0].question,
        depends_on=[built],
    )


def _engine_args(settings: Settings, tools: _Tools, machine: LocalMachine, model: _Model) -> LocalVllmArgs:
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
    }
    if model.facts is not None:
        args["facts"] = model.facts
    return args


def _gateway_args(settings: Settings, machine: LocalMachine, engine: LocalVllm, cache: LocalRedis) -> LocalGatewayArgs:
    chosen = settings.configuration.gateway
    drain = drain_budget(settings.configuration.service_level.p99_request_seconds, load_balancer_propagation_seconds=0)
    args: LocalGatewayArgs = {
        "stack_directory": machine.stack_directory,
        "python": sys.executable,
        "version": _package_digest("moorage_serving"),
        "upstreams": [engine.upstream],
        "host": chosen.host,
        "authentication": chosen.authentication,
        "settings": chosen.settings,
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
