"""The program of docs/jobs.md."""

from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "jobs.md")


def test_its_program_makes_two_queues_a_bucket_and_a_table():
    made = [found.type for found in run_program(PAGE.program)[1].registrations]
    assert made.count("aws:sqs/queue:Queue") == 2
    assert made.count("aws:s3/bucket:Bucket") == made.count("aws:dynamodb/table:Table") == 1
