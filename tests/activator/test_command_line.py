"""What a wrong start ends with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = {
    "upstream": "engine-1",
    "socket": "/run/engine.sock",
    "withdrawn_socket": "/run/engine.sock.withdrawn",
    "log_file": "/log/engine.log",
    "supervisor_socket": "/run/supervisord.sock",
    "idle_seconds": 300,
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"idle_seconds": 0, "socket": "relative"}, ["idle_seconds", "socket"]),
        ({"idle_secs": 1}, ["idle_secs"]),
        ({"upstream": 7}, ["upstream"]),
    ],
    ids=["two at once", "unknown key", "wrong type"],
)
def test_settings_that_cannot_be_used_are_named_in_one_line(
    tmp_path: Path, changes: dict[str, object], named: list[str]
):
    settings = tmp_path / "activator.json"
    settings.write_text(json.dumps({**GOOD, **changes}))
    error = _refusal(settings)
    assert [name for name in named if name not in error] == []


def test_a_missing_file_is_named(tmp_path: Path):
    assert "no-such.json: No such file" in _refusal(tmp_path / "no-such.json")


def _refusal(settings: Path) -> str:
    command = [sys.executable, "-m", "moorage_serving.activator", "--settings", settings, "--socket", "/none"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
