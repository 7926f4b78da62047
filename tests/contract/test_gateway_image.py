"""What `KubernetesGateway` takes for granted of the image that serving_image/Dockerfile makes."""

import json
import shlex
from pathlib import Path

from moorage.kubernetes.gateway_objects import GatewayObjects, GatewayPodParts
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.kubernetes.pod_security import USER_ID

ROOT = Path(__file__).parents[2]
IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4


def instructions(name: str) -> list[str]:
    lines = (ROOT / "serving_image/Dockerfile").read_text().splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def test_it_starts_as_the_user_that_pods_run_as() -> None:
    assert instructions("USER") == [f"{USER_ID}:{USER_ID}"]


def test_it_starts_the_program_that_pods_start() -> None:
    spec = GatewaySpec.model_validate({"image": IMAGE, "authentication": "api_keys", "cpu": 2.0})
    pod = GatewayObjects("gateway", "harbour", spec).deployment(GatewayPodParts("configuration"))
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    (entrypoint,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert [*json.loads(entrypoint), json.loads(command)[0]] == container["command"]


def test_all_that_it_copies_is_sent_to_the_builder_and_nothing_else() -> None:
    copied = {shlex.split(line)[0] for line in instructions("COPY") if not line.startswith("--from")}
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in sent if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)
    assert "*" in sent
