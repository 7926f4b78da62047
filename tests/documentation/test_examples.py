"""The examples in the documentation run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from moorage.spec import parse
from tests.contract import recording
from tests.gateway.processes import KEY, EngineRoom, Gateway, document, upstream

from .pages import README, ROOT, pages

MODEL, QUESTION = "tiny-model", "What does a breakwater do?"
ANSWER = f"{QUESTION} t1 t2"
"""The fake engine's: it says the question again."""

STACK_FILES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in pages()
    for number, block in enumerate(page.blocks("yaml"))
    if block.startswith("config:")
]
PROGRAM, CLIENT = (
    next(block for block in README.blocks("python") if word in block) for word in ("__main__.py", "openai")
)
SETTING, CURL = (next(block for block in README.blocks("sh") if word in block) for word in ("export", "curl -s"))


@pytest.mark.parametrize("text", STACK_FILES)
def test_a_stacks_file_is_accepted(program: SimpleNamespace, text: str):
    keys = yaml.safe_load(text)["config"]
    assert all(key.startswith("moorage:") for key in keys)
    given = {key.removeprefix("moorage:"): value for key, value in keys.items()}
    configuration = parse(program.configuration.Configuration, given, "")
    assert configuration.chosen in program.options.BUILDERS


def test_the_readme_shows_a_folder_a_repository_of_the_hub_and_a_second_stack():
    keys = [yaml.safe_load(block)["config"] for block in README.blocks("yaml")]
    sources = [config["moorage:model"]["source"] for config in keys if "moorage:model" in config]
    assert [source.partition("://")[0] for source in sources] == ["/path/to/folder", "hf"]
    assert "moorage:gateway" in keys[-1]


def test_the_program_makes_a_model_behind_an_endpoint(monkeypatch: pytest.MonkeyPatch):
    exported: dict[str, Any] = {}
    monkeypatch.setattr("pulumi.export", exported.__setitem__)
    monkeypatch.setitem(
        recording.OUTPUTS,
        "pulumi-python:dynamic/moorage:LocalMachine",
        lambda _, inputs: {"stack_directory": inputs["directory"], "log_directory": f"{inputs['directory']}/logs"},
    )
    _, made = recording.run_program(_as_main(PROGRAM))
    kinds = [registration.type.rpartition(":")[2] for registration in made.registrations]
    assert sorted(kinds) == sorted(
        ["LocalMachine", "LocalVllm", "LocalRedis", "LocalGateway", "ApiKey", *["LocalProcess"] * 3]
    )
    assert recording.value_of(exported["endpoint_url"]) == "http://127.0.0.1:8000/v1"
    assert recording.value_of(exported["api_key"]) == recording.Secret("moorage-gateway-key-plaintext")
    directories = {found.inputs["stack_directory"] for found in made.of_type("LocalProcess")}
    assert directories == {f"/program/.moorage/{recording.STACK}"}
    gateways = next(found for found in made.of_type("LocalProcess") if found.inputs["program"] == "gateway")
    written = json.loads(gateways.inputs["files"]["gateway.json"])
    assert [engine["model"] for engine in written["upstreams"]] == ["harbour"]
    assert written["redis_url"] == "unix:///run/cache-process.sock"


def test_the_client_gets_an_answer(endpoint: dict[str, str]):
    assert _run([sys.executable, "-W", "error", "-c", CLIENT], endpoint) == ANSWER


def test_curl_gets_an_answer(endpoint: dict[str, str]):
    answer = json.loads(_run(["sh", "-euc", CURL], endpoint))
    assert answer["choices"][0]["message"]["content"] == ANSWER


def test_the_variables_are_the_stacks_outputs(tmp_path: Path):
    """With a `make` that says what it was asked for."""
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\nprintf %s "$*"\n')
    make.chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    shown = _run(["sh", "-euc", f'{SETTING}\nprintf "%s|%s" "$OPENAI_BASE_URL" "$OPENAI_API_KEY"'], path)
    assert shown == "-s output NAME=endpoint_url|-s output NAME=api_key"


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=page.name) for page in pages() for block in page.blocks("python")]
)
def test_python_is_python(block: str):
    compile(block, "example", "exec")


def test_every_program_has_a_test_that_says_what_it_makes():
    """The README's is above; a page's is in a file of its name."""
    here = Path(__file__).parent
    programs = [page for page in pages() if page != README and page.has_program]
    assert programs
    for page in programs:
        assert (here / f"test_{page.path.stem.replace('-', '_')}_example.py").exists(), page.name


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The real gateway before a fake engine, in the variables that the README sets."""
    room = EngineRoom()
    configuration = tmp_path_factory.mktemp("gateway") / "gateway.json"
    with room.engine(model=MODEL) as engine:
        configuration.write_text(json.dumps(document(upstream("engine", engine.address, MODEL))))
        with Gateway(configuration) as gateway:
            yield {"OPENAI_BASE_URL": f"{gateway.url}/v1", "OPENAI_API_KEY": KEY}
    room.close()


def _as_main(source: str) -> Callable[[], None]:
    compiled = compile(source, "/program/__main__.py", "exec")
    return lambda: exec(compiled, {"__name__": "__main__", "__file__": "/program/__main__.py"})  # noqa: S102


def _run(command: list[str], environment: dict[str, str]) -> str:
    proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
    inherited = {name: value for name, value in os.environ.items() if name not in proxies}
    result = subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()
