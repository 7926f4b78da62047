"""The program of docs/aws-edge.md makes what that page says."""

from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-edge.md")


def test_it_makes_one_distribution_before_one_private_balancer():
    _, made = run_program(PAGE.program)
    (origin,) = made.the("Distribution").inputs["origins"]
    assert (origin["originId"], origin["domainName"]) == ("eu", "eu.llm.example.com")
    assert made.the("VpcOrigin").inputs["vpcOriginEndpointConfig"]["arn"].endswith("/app/eu/1a")
    assert not [found for found in made.registrations if found.type == "aws:lambda/function:Function"]
