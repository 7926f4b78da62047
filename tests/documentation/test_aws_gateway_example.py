"""The program of docs/aws-gateway.md, and what the page says of the cache."""

from moorage.aws.serverless_cache import ACCESS_STRING
from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-gateway.md")


def test_its_program_makes_a_serverless_cache_that_holds_what_two_tenants_may_store():
    recording = run_program(PAGE.program)[1]
    assert recording.of_type("ReplicationGroup") == []
    assert recording.the("ServerlessCache").inputs["cacheUsageLimits"]["dataStorage"]["maximum"] == 4


def test_the_page_knows_the_keys_that_the_password_is_for():
    assert "a password, for `moorage:*` and" in PAGE.text
    assert "~moorage:* " in ACCESS_STRING
