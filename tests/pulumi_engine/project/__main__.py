"""A stack of small processes; `scenario.json` beside it says which."""

import json
import sys
from pathlib import Path

import pulumi

from moorage.local.activator import LocalActivator
from moorage.local.cache import LocalRedis
from moorage.local.gateway import LocalGateway
from moorage.local.machine import LocalMachine
from moorage.local.process import LocalProcess

scenario = json.loads((Path(__file__).parent / "scenario.json").read_text())
machine = LocalMachine(
    "machine",
    directory=scenario["directory"],
    required_disk_gib=scenario.get("required_disk_gib", 0.01),
    host="127.0.0.1",
    port=scenario.get("port"),
)
server = str(Path(scenario["server"]))


def small_server(revision: str) -> LocalProcess:
    return LocalProcess(
        "engine",
        stack_directory=machine.stack_directory,
        program="engine",
        command=[sys.executable, server, "--uds", "{socket}", "--revision", revision, *scenario.get("arguments", [])],
        readiness={"protocol": "http", "path": "/health", "timeout_seconds": scenario.get("timeout_seconds", 60)},
        stop_seconds=20,
        pre_stop_seconds=scenario.get("pre_stop_seconds", 0),
        start_seconds=scenario.get("start_seconds", 1),
        required_memory_gib=scenario.get("required_memory_gib", 0.0),
        allow_downtime=scenario.get("allow_downtime", False),
        on_demand=scenario.get("on_demand", False),
    )


engine = small_server(scenario.get("revision", "one"))
pulumi.export("engine_address", engine.address)
pulumi.export("engine_instance", engine.instance)
pulumi.export("engine_log", engine.log_file)

if "redis_server" in scenario:
    redis = LocalRedis("cache", {"stack_directory": machine.stack_directory, "server": scenario["redis_server"]})
    pulumi.export("redis_url", redis.url)

if scenario.get("gateway"):
    upstream = pulumi.Output.all(engine.instance, engine.address).apply(
        lambda known: {
            "name": known[0],
            "kind": "openai-http",
            "address": known[1],
            "model": "small",
            "revision": scenario.get("revision", "one"),
        }
    )
    if scenario.get("on_demand"):
        activator = LocalActivator(
            "activator",
            {
                "stack_directory": machine.stack_directory,
                "python": sys.executable,
                "version": "1",
                "engine": upstream,
                "engine_log_file": engine.log_file,
                "idle_seconds": scenario.get("idle_seconds", 600),
            },
        )
        upstream = activator.upstream
    gateway = LocalGateway(
        "gateway",
        {
            "stack_directory": machine.stack_directory,
            "python": sys.executable,
            "version": scenario.get("gateway_version", "1"),
            "upstreams": [upstream],
            "host": "127.0.0.1",
            "port": scenario["port"],
            "authentication": "api_keys",
            "drain_seconds": 20,
        },
    )
    pulumi.export("endpoint_url", gateway.endpoint_url)
    pulumi.export("api_key", gateway.api_key)
