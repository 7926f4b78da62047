"""Engines on a spot instance are stopped when AWS says that it takes the instance back, and not before."""

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.loopback_server import Quiet, serving

from moorage.aws.ecs_gpu_pool_spec import user_data
from moorage.aws.spot_notice import SPOT_NOTICE_SCRIPT

TOKEN = "AQAEALbL"
NOTICE = b'{"action": "terminate", "time": "2026-11-26T08:22:00Z"}'


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder of commands that write down what they were asked; one engine runs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, answer in {"docker": '[ "$1" != ps ] || echo 4f5e6a7b', "sleep": ":"}.items():
        command = folder / name
        command.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/asked\n{answer}\n')
        command.chmod(0o755)
    return folder


def test_the_engine_is_stopped_once_the_notice_is_there_and_has_all_of_its_time(commands: Path):
    with instance_metadata(looks_without_notice=2) as address:
        run_script(commands, address)
    assert (commands.parent / "asked").read_text().splitlines() == [
        "sleep 5",
        "sleep 5",
        "docker ps --quiet --filter label=com.amazonaws.ecs.container-name=vllm",
        "docker stop -t 120 4f5e6a7b",
    ]


def test_spot_instances_alone_look_for_a_notice():
    on_demand, spot = (base64.b64decode(user_data("harbour", has_spot=spot)).decode() for spot in (False, True))
    assert SPOT_NOTICE_SCRIPT in spot
    assert spot.endswith("systemctl enable --now --no-block spot-notice.service\n")
    assert "spot-notice" not in on_demand


def test_the_script_of_a_first_start_is_one_that_bash_takes():
    script = base64.b64decode(user_data("harbour", has_spot=True))
    subprocess.run(["/bin/bash", "-n"], input=script, check=True)


def run_script(commands: Path, address: str) -> None:
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        ["/bin/bash", "-c", SPOT_NOTICE_SCRIPT, "spot-notice", address], env=environment, check=True, timeout=30
    )


@contextmanager
def instance_metadata(*, looks_without_notice: int) -> Iterator[str]:
    """The instance metadata service, version 2, as docs.aws.amazon.com/AWSEC2/latest/UserGuide/
    configuring-instance-metadata-service.html has it (read 2026-11-26): nothing without a token of its own."""
    looks = iter([False] * looks_without_notice)

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            self.answer(200 if self.path == "/latest/api/token" and lifetime else 400, TOKEN.encode())

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
                self.answer(401)
            elif self.path != "/latest/meta-data/spot/instance-action" or not next(looks, True):
                self.answer(404)
            else:
                self.answer(200, NOTICE)

    with serving(Handler) as address:
        yield address
