"""The program of docs/aws-edge.md makes what that page says, and its commands make a classifier of answers."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import moorage.local.tiny_model
from moorage.cli.main import app
from moorage.edge.intent_classifier import IntentClassifier
from moorage.edge.question_pairs import read_pairs
from tests.contract.recording import run_program
from tests.gateway.processes import KEY, EngineRoom, Gateway, document, upstream

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-edge.md")
QUESTIONS = Path(moorage.local.tiny_model.__file__).parent / "questions.jsonl"


def test_it_makes_one_distribution_before_one_private_balancer():
    _, made = run_program(PAGE.program)
    (origin,) = made.the("Distribution").inputs["origins"]
    assert (origin["originId"], origin["domainName"]) == ("eu", "eu.llm.example.com")
    assert made.the("VpcOrigin").inputs["vpcOriginEndpointConfig"]["arn"].endswith("/app/eu/1a")
    assert not [found for found in made.registrations if found.type == "aws:lambda/function:Function"]


@pytest.mark.long
def test_its_commands_make_a_classifier_of_a_models_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (block,) = [block for block in PAGE.blocks("bash") if "moorage edge train" in block]
    set_up, *commands = block.splitlines()
    assert set_up == "export OPENAI_API_KEY=..."
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    pairs = read_pairs(QUESTIONS)[:6]
    Path("questions.jsonl").write_text("".join(json.dumps({"question": pair.question}) + "\n" for pair in pairs))
    room = EngineRoom()
    with room.engine(model="harbour") as engine:
        engine.fake.replies = {pair.question: pair.answer for pair in pairs}
        Path("config.json").write_text(json.dumps(document(upstream("engine", engine.address, "harbour"))))
        with Gateway(Path("config.json")) as gateway:
            for command in commands:
                words = shlex.split(command.replace("https://llm.example.com", gateway.url))
                done = CliRunner().invoke(app, words[1:])
                assert (words[0], done.exit_code) == ("moorage", 0), done.output
    room.close()
    assert IntentClassifier(Path("classifier.json")).answer(pairs[0].question) == pairs[0].answer
