"""What each component is told that keeps something under a key of its own: pure."""

from pydantic import BaseModel, ConfigDict

from moorage.gcp.labels import Labels
from moorage.gcp.project import Project, ProjectNumber, Region


class GuardedSpec(BaseModel):
    """Whose it is, where it is, and whether it may be deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    project: Project
    project_number: ProjectNumber
    region: Region
    deletion_protection: bool = True
    labels: Labels = {}
