"""What `KubernetesGateway` and `KubernetesMonitoring` take for granted of the real gateway."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

from moorage.kubernetes.alert_rules import AlertThresholds, alert_rules
from moorage.kubernetes.gateway_objects import GatewayObjects, GatewayPodParts
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.kubernetes.monitoring_objects import dashboards
from moorage.spec import ServiceLevel

from .processes import STOP_SECONDS, Gateway, document, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import EngineRoom

NAMES = re.compile(r"(?:moorage_gateway|gen_ai)_[a-z_]+(?=[{])")
IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4


def test_the_pods_command_starts_answers_its_probes_and_ends(config_path: Path, engine_room: EngineRoom) -> None:
    spec = GatewaySpec.model_validate({"image": IMAGE, "authentication": "api_keys", "cpu": 2.0})
    made = GatewayObjects("gateway", "harbour", spec).deployment(GatewayPodParts("configuration"))
    (container,) = made["spec"]["template"]["spec"]["containers"]
    given = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    # Those that the test's process gets from its own surroundings.
    del given["--config"], given["--port"], given["--propagation-seconds"]
    with engine_room.engine() as engine:
        config_path.write_text(json.dumps(document(upstream("engine", engine.address))))
        arguments = tuple(part for pair in given.items() for part in pair)
        with Gateway(config_path, arguments) as gateway:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert gateway.client.get(container[probe]["httpGet"]["path"]).status_code == 200
            gateway.signal(signal.SIGTERM)
            assert gateway.process.wait(STOP_SECONDS) == 0


def test_every_series_that_alerts_and_dashboards_ask_for_is_one_of_the_gateways(
    config_path: Path, engine_room: EngineRoom
) -> None:
    rules = alert_rules(
        namespace="harbour",
        model="harbour",
        scales_to_zero=True,
        service_level=ServiceLevel(),
        thresholds=AlertThresholds(),
        runbook_url="https://example.com/alerts.md",
    )
    asked = {name for text in (json.dumps(rules), *dashboards().values()) for name in NAMES.findall(text)}
    assert len(asked) > 15
    with engine_room.engine() as engine:
        config_path.write_text(json.dumps(document(upstream("engine", engine.address))))
        with Gateway(config_path) as gateway:
            exposition = gateway.client.get("/metrics").text
    families = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE))
    suffixes = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
    exported = {f"{name}{suffix}" for name, kind in families.items() for suffix in suffixes[kind]}
    assert asked - exported == set()
