"""docs/jobs.md is true; its program is in tests/documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorage_serving.jobs.message import Job
from tests.documentation.pages import ROOT, Page

from .place import wait_until

if TYPE_CHECKING:
    from tests.gateway.processes import RunningEngine

    from .place import JobsPlace

PAGE = Page(ROOT / "docs" / "jobs.md")


@pytest.mark.long
def test_its_commands_do_what_it_shows(jobs: JobsPlace, engine: RunningEngine):
    [worker] = PAGE.blocks("shell")
    lines = "".join(PAGE.blocks("console")).splitlines()
    submit, submitted, fetch, fetched = (line.removeprefix("$ ") for line in lines)
    environment = {**jobs.environment, "MOORAGE_JOBS_ENDPOINT": engine.address, "MOORAGE_API_KEY": "key-of-the-page"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def shell(command: str) -> str:
        return subprocess.run(
            ["/bin/sh", "-c", command], env=environment, check=True, capture_output=True, text=True, timeout=120
        ).stdout.strip()

    assert shell(submit) == submitted
    process = subprocess.Popen(["/bin/sh", "-c", f"exec {worker}"], env=environment)
    try:
        wait_until(lambda: jobs.result(submitted), "a result")
    finally:
        process.kill()
        process.wait()
    assert shell(fetch).startswith(fetched.removesuffix("…"))
    assert engine.fake.received[0].headers["authorization"] == "Bearer key-of-the-page"


def test_its_table_has_every_key_of_a_message():
    for name in Job.model_fields:
        assert f"\n| `{name}` |" in PAGE.text, name
