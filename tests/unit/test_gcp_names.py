import pytest

from moorage.gcp.guarded_spec import GuardedSpec
from moorage.gcp.names import check_name
from moorage.gcp.project import service_agent
from moorage.spec import SpecError
from moorage.spec.parsing import parse

PLACE = {"project": "harbour-test", "project_number": "123456789012", "region": "europe-west4"}


def problem_of(**changes: object) -> str:
    with pytest.raises(SpecError) as raised:
        parse(GuardedSpec, {**PLACE, **changes}, "")
    return str(raised.value)


@pytest.mark.parametrize("name", ["h", "harbour-1", "h" * 24])
def test_a_name_that_google_takes(name: str):
    check_name(name)


@pytest.mark.parametrize("name", ["", "Harbour", "1st", "harbour-", "har_bour", "h" * 25, "häfen"])
def test_a_name_that_google_refuses(name: str):
    with pytest.raises(SpecError, match="must be at most 24 lowercase letters, digits and inner hyphens"):
        check_name(name)


def test_labels_are_lower_case_and_short():
    labels = {"team": "harbour-1", "cost_centre": "", "k" * 63: "v" * 63}
    assert parse(GuardedSpec, {**PLACE, "labels": labels}, "").labels == labels


@pytest.mark.parametrize(
    "labels",
    [{"Team": "a"}, {"team": "A"}, {"1st": "a"}, {"k" * 64: "a"}, {"team": "v" * 64}, {"team": "a b"}, {"": "a"}],
)
def test_labels_that_google_refuses(labels: dict[str, str]):
    ((key, value),) = labels.items()
    assert f"{key}={value}: key and value must be at most 63 lowercase letters, digits, _ and -" in problem_of(
        labels=labels
    )


def test_googles_own_labels_are_googles():
    assert "goog-gke: must not begin with goog" in problem_of(labels={"goog-gke": "a"})


def test_there_is_a_limit_to_labels():
    assert "has 41 labels; must be at most 40" in problem_of(labels={f"key-{index}": "" for index in range(41)})


def test_a_projects_id_and_its_number_are_not_mixed_up():
    assert "must be a project's id" in problem_of(project="123456789012")
    assert "must be a project's number" in problem_of(project_number="harbour-test")


def test_googles_services_act_as_the_projects_agents():
    agent = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
    assert service_agent("123456789012", "storage") == agent
