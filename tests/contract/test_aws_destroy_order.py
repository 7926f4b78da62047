"""In which order a whole stack on AWS goes: the engine deletes nothing before what depends on it is gone."""

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_kubernetes.core.v1 import Namespace

from moorage.aws.cluster import EksCluster

from .aws_examples import AWS_EXAMPLES
from .aws_programs import stack
from .recording import Recording, Registration, run_program


@pytest.fixture(scope="module")
def recording() -> Recording:
    return run_program(stack)[1]


def before(recording: Recording, registration: Registration) -> set[str]:
    """The URNs of everything that is deleted after it: what it depends on and its parent, and so on."""
    by_urn = {found.urn: found for found in recording.registrations}
    seen: set[str] = set()
    todo = [registration.urn]
    while todo:
        known = by_urn.get(todo.pop())
        for urn in {*known.dependencies, known.parent} - seen if known else ():
            seen.add(urn)
            todo.append(urn)
    return seen


def the(recording: Recording, component: str, kind: str) -> list[Registration]:
    """What one component has of one type."""
    found = [
        made for made in recording.of_type(kind) if made.name == component or made.name.startswith(f"{component}-")
    ]
    assert found
    return found


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("engine", "Deployment"), ("gpu", "NodePool")),
        (("engine", "Deployment"), ("gpu", "NodeClass")),
        (("engine", "Deployment"), ("engine", "PodIdentityAssociation")),
        (("engine", "Deployment"), ("engine", "Propagation")),
        (("engine", "Propagation"), ("engine", "PodIdentityAssociation")),
        (("engine", "Deployment"), ("models", "Bucket")),
        (("gpu", "NodePool"), ("gpu", "NodeClass")),
        (("gpu", "NodeClass"), ("cluster", "Cluster")),
        (("engine", "PodIdentityAssociation"), ("engine", "RolePolicy")),
        (("engine", "PodIdentityAssociation"), ("cluster", "Cluster")),
        (("cluster", "Cluster"), ("cluster", "RolePolicyAttachment")),
        (("cluster", "Cluster"), ("cluster", "RolePolicy")),
        (("cluster", "Cluster"), ("cluster", "LogGroup")),
        (("cluster", "Cluster"), ("cluster", "Key")),
        (("cluster", "Cluster"), ("network", "Subnet")),
        # Until the cluster is gone, what is in it needs its way out.
        (("cluster", "Cluster"), ("network", "NatGateway")),
        (("cluster", "Cluster"), ("network", "InternetGateway")),
        (("network", "FlowLog"), ("network", "LogGroup")),
        (("network", "NatGateway"), ("network", "InternetGateway")),
        (("network", "Subnet"), ("network", "Vpc")),
    ],
    ids=lambda pair: "-".join(pair),
)
def test_the_first_is_gone_before_the_other_goes(recording: Recording, first: tuple[str, str], then: tuple[str, str]):
    later = {found.urn for found in the(recording, *then)} - {found.urn for found in the(recording, *first)}
    assert later
    for registration in the(recording, *first):
        assert later - {registration.urn} <= before(recording, registration), registration.name


def test_the_private_subnets_go_with_their_way_out():
    """Subnets by themselves know nothing of it: the network's output does."""
    _, recording = run_program(stack)
    (cluster,) = the(recording, "cluster", "Cluster")
    associations = {
        found.urn for found in the(recording, "network", "RouteTableAssociation") if "private" in found.name
    }
    assert associations
    assert associations <= before(recording, cluster)


def test_a_cluster_without_auto_mode_keeps_its_own_nodes_to_the_end():
    def program() -> None:
        cluster = EksCluster("cluster", {**AWS_EXAMPLES[EksCluster], "auto_mode": False})
        provider = kubernetes.Provider("cluster", kubeconfig=cluster.kubeconfig)
        Namespace("harbour", opts=pulumi.ResourceOptions(provider=provider))

    _, recording = run_program(program)
    earlier = before(recording, recording.the("Namespace"))
    assert {recording.the("NodeGroup").urn, *(addon.urn for addon in recording.of_type("Addon"))} <= earlier
