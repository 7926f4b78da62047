"""`moorage edge sign`: a key and a secret that no command line has."""

import pytest
from typer.testing import CliRunner

from moorage.cli.main import app

from .viewer_function import KEY, SECRET, event, run


def test_a_key_that_it_has_signed_is_let_in():
    signed = CliRunner().invoke(app, ["edge", "sign"], input=f"{KEY}\n", env={"MOORAGE_SIGNING_SECRET": SECRET})
    assert signed.exit_code == 0, signed.output
    assert run(event(f"Bearer {signed.output.strip()}"))["results"][0]["selected"] == "eu"


@pytest.mark.parametrize(
    ("key", "secret", "message"),
    [
        (KEY, "", "MOORAGE_SIGNING_SECRET: is missing; must be the stack's output signing_secret"),
        ("sh0rt", SECRET, "must have 16 to 200 letters, digits, underscores and hyphens"),
    ],
)
def test_what_cannot_be_signed_is_refused_without_the_key(key: str, secret: str, message: str):
    refused = CliRunner().invoke(app, ["edge", "sign"], input=f"{key}\n", env={"MOORAGE_SIGNING_SECRET": secret})
    assert refused.exit_code == 1
    assert message in refused.output
    assert key not in refused.output
