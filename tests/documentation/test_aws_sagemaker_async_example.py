"""The program of docs/aws-sagemaker-async.md. tests/sagemaker runs how it is called."""

from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-sagemaker-async.md")


def test_its_program_makes_an_endpoint_that_goes_to_zero():
    made = {found.type: found.inputs for found in run_program(PAGE.program)[1].registrations}
    assert made["aws:sagemaker/endpoint:Endpoint"]["name"] == "tickets"
    assert made["aws:appautoscaling/target:Target"]["minCapacity"] == 0
