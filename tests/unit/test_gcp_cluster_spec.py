import pytest

from moorage.gcp.cluster_spec import ClusterSpec
from moorage.spec import SpecError
from moorage.spec.parsing import parse

PLACE = {"project": "harbour-test", "project_number": "123456789012", "region": "europe-west4"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"authorized_networks": {"all": "0.0.0.0/0"}},
            "authorized_networks: all = 0.0.0.0/0: must be within 10.0.0.0/8, ",
        ),
        (
            {"control_plane_access": "dns", "authorized_networks": {"office": "10.0.0.0/16"}},
            "authorized_networks: must be left out with control_plane_access = dns",
        ),
        ({"control_plane_access": "public"}, 'control_plane_access = "public": must be one of private, dns'),
        ({"release_channel": "NONE"}, 'release_channel = "NONE": must be one of RAPID, REGULAR, STABLE, EXTENDED'),
        (
            {"system_min_node_count": 7},
            "system_min_node_count = 7: must be at most system_max_node_count = 6",
        ),
        ({"version": "1.35"}, "version: unknown key"),
    ],
)
def test_a_cluster_that_would_be_open_or_cannot_be_is_refused(changes: dict[str, object], problem: str):
    with pytest.raises(SpecError) as raised:
        parse(ClusterSpec, {**PLACE, **changes}, "")
    assert str(raised.value).startswith(problem)


def test_a_clusters_workloads_belong_to_the_projects_pool():
    assert parse(ClusterSpec, PLACE, "").workload_pool == "harbour-test.svc.id.goog"
