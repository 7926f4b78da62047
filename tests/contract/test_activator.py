"""The settings that `LocalActivator` writes, as the activator reads them."""

from pathlib import Path

from moorage.local.activator import LocalActivator
from moorage.local.layout import StackLayout
from moorage_serving.activator.settings import ActivatorSettings, load_settings

from .examples import UPSTREAM, component
from .recording import Recording, run_program, value_of

STACK = StackLayout(Path("/stack"))


def settings_of(recording: Recording, folder: Path) -> ActivatorSettings:
    written = folder / "activator.json"
    written.write_text(recording.the("LocalProcess").inputs["files"]["activator.json"])
    return load_settings(written)


def test_they_name_the_engine_its_files_and_its_supervisor(tmp_path: Path):
    _, recording = run_program(component(LocalActivator, "activator"))
    assert settings_of(recording, tmp_path) == ActivatorSettings(
        upstream="engine-1",
        socket="/run/engine-1.sock",
        withdrawn_socket=str(STACK.instance("engine-1").withdrawn_socket),
        log_file="/stack/logs/engine-1.log",
        supervisor_socket=str(STACK.supervisor_socket),
        idle_seconds=60,
    )


def test_an_engine_is_idle_after_five_minutes_by_default(tmp_path: Path):
    _, recording = run_program(component(LocalActivator, "activator", idle_seconds=...))
    assert settings_of(recording, tmp_path).idle_seconds == 300


def test_the_gateway_is_told_the_engine_and_the_hook():
    activator, _ = run_program(component(LocalActivator, "activator"))
    hook = {"address": "unix:///run/activator-process.sock"}
    assert value_of(activator.upstream) == {**UPSTREAM, "activation": hook}
