"""Where a resource is, project, region and zone, and who acts for Google's own services there."""

import re
from typing import Annotated

from pydantic import AfterValidator

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_PROJECT_NUMBER = re.compile(r"[0-9]{6,20}")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_ZONE = re.compile(rf"{_REGION.pattern}-[a-z]")

# docs.cloud.google.com/iam/docs/service-agents (read 2026-11-25)
_SERVICE_AGENTS = {
    "artifactregistry": "gcp-sa-artifactregistry",
    "compute": "compute-system",
    "container": "container-engine-robot",
    "storage": "gs-project-accounts",
}


def service_agent(project_number: str, service: str) -> str:
    """The account, as a member of a policy, with which `artifactregistry`, `compute`, `container` or `storage` works in
    a project. It exists once the service's API is enabled."""
    return f"serviceAccount:service-{project_number}@{_SERVICE_AGENTS[service]}.iam.gserviceaccount.com"


def _project(text: str) -> str:
    # docs.cloud.google.com/resource-manager/docs/creating-managing-projects (read 2026-11-25)
    if not _PROJECT.fullmatch(text):
        raise ValueError("must be a project's id: 6 to 30 lowercase letters, digits and inner hyphens, no number")
    return text


def _project_number(text: str) -> str:
    if not _PROJECT_NUMBER.fullmatch(text):
        raise ValueError("must be a project's number, as gcloud projects describe prints it, in quotes")
    return text


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("must be a region's name, such as europe-west4")
    return text


def _zone(text: str) -> str:
    if not _ZONE.fullmatch(text):
        raise ValueError("must be a zone's name, such as europe-west4-a")
    return text


Project = Annotated[str, AfterValidator(_project)]
ProjectNumber = Annotated[str, AfterValidator(_project_number)]
Region = Annotated[str, AfterValidator(_region)]
ZoneName = Annotated[str, AfterValidator(_zone)]
