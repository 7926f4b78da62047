"""The program of docs/aws-ecs.md."""

from tests.contract.recording import run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-ecs.md")


def test_its_program_makes_engines_that_go_before_their_pool_and_that_gateways_reach():
    recording = run_program(PAGE.program)[1]
    made = {found.type: found for found in recording.registrations}
    assert made["aws:ecs/capacityProvider:CapacityProvider"].urn in made["aws:ecs/service:Service"].dependencies
    assert made["aws:autoscaling/group:Group"].urn in made["moorage:index:EcsVllm"].dependencies
    (gateways,) = (found for found in recording.of_type("SecurityGroup") if found.name == "gateways-group")
    assert gateways.urn in recording.the("SecurityGroupIngressRule").dependencies
