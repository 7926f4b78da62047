"""The program of docs/cluster-addons.md makes what it says, and the page tells of every addon."""

from collections import Counter

from moorage.kubernetes.addon_charts import addon_charts
from tests.contract.recording import Recording, run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "cluster-addons.md")

EXPECTED = {
    "moorage:index:ClusterAddons": 1,
    "kubernetes:core/v1:Namespace": 2,
    "kubernetes:helm.sh/v3:Release": 2,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": 1,
    "pulumi-python:dynamic/moorage:Password": 1,
    "kubernetes:core/v1:Secret": 1,
    "moorage:index:VllmAutoscaler": 1,
    "kubernetes:keda.sh/v1alpha1:ScaledObject": 1,
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_it_makes_these_resources():
    assert Counter(found.type for found in made().registrations) == EXPECTED


def test_the_versions_are_those_of_the_table():
    installed = {release.inputs["chart"]: release.inputs["version"] for release in made().of_type("Release")}
    charts = addon_charts()
    assert installed == {charts[addon].chart: charts[addon].version for addon in ("keda", "prometheus")}


def test_the_page_tells_of_every_addon():
    rows = PAGE.table("argument, key of `cluster.addons`")
    assert {row.replace("`", "").split(", ")[1] for row in rows} == set(addon_charts())
