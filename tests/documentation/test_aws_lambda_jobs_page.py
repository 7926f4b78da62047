"""The program of docs/aws-lambda-jobs.md, and the page's numbers."""

from moorage_serving.jobs.place import Place
from moorage_serving.serverless.events import GIVE_BACK_SECONDS
from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-lambda-jobs.md")


def test_its_program_has_lambda_call_a_function_with_what_is_in_its_queue():
    recording = run_program(PAGE.program)[1]
    [queue] = [found for found in recording.of_type("Queue") if found.name == "tickets-jobs"]
    assert recording.the("EventSourceMapping").inputs["eventSourceArn"].endswith(":tickets-jobs-1a2b3c4")
    assert queue.inputs["visibilityTimeoutSeconds"] >= 6 * recording.the("Function").inputs["timeout"]


def test_the_page_knows_how_long_a_claim_lasts_and_when_jobs_are_given_back():
    words = " ".join(PAGE.text.split())
    seconds = Place("", "", "").visibility_seconds
    assert f"renewed every {seconds // 3} seconds, run out {seconds} seconds after" in words
    assert f"{GIVE_BACK_SECONDS:g} seconds before Lambda's deadline" in words
