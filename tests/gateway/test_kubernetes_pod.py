"""The command of `KubernetesGateway`'s pods is one that the real gateway obeys."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from moorage.kubernetes.gateway_objects import GatewayObjects, GatewayPodParts
from moorage.kubernetes.gateway_spec import GatewaySpec

from .processes import Gateway, document, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import EngineRoom

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
            assert gateway.process.wait(20) == 0
