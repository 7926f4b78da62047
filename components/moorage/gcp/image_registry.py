"""Where container images lie on Google Cloud."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp import artifactregistry

from moorage.gcp.encryption_key import create_key
from moorage.gcp.guarded_spec import GuardedSpec
from moorage.gcp.names import check_name
from moorage.spec.parsing import parse

UNTAGGED_IMAGE_DAYS = 14
_CREATED_ELSEWHERE = frozenset({"readers"})
_READ = "roles/artifactregistry.reader"


class ArtifactRegistryArgs(TypedDict):
    """Where it is, who pulls from it, and how well it is guarded."""

    project: str
    """The project's id."""
    project_number: str
    """The project's number: Artifact Registry encrypts in its name."""
    region: str
    """Where the nodes are: images from elsewhere are slow, and their way is charged for."""
    readers: NotRequired[Mapping[str, pulumi.Input[str]]]
    """A name of your own to the e-mail address of a service account, such as `GkeCluster`'s nodes'. Default: nobody."""
    customer_managed_key: NotRequired[bool]
    """Whether images are encrypted with a key of your own. GKE does not stream such images: a node waits until it has
    all of a large one. Without it, they are encrypted with a key of Google's. Default: they are."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the repository and its key. Without it, `destroy` deletes the images too.
    Default: it refuses."""
    labels: NotRequired[Mapping[str, str]]
    """On every resource that can have some. Default: none."""


class ArtifactRegistry(pulumi.ComponentResource):
    """A repository for images whose tags never move, encrypted with a key of its own.

    Untagged images are deleted after 14 days. Nodes pull as their service account; nobody needs a password.
    """

    repository_id: pulumi.Output[str]
    repository_url: pulumi.Output[str]
    """What an image's name begins with: `REGION-docker.pkg.dev/PROJECT/NAME`. It knows when the readers may read."""

    def __init__(self, name: str, args: ArtifactRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:ArtifactRegistry", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        self._name, self._spec = name, parse(_RegistrySpec, known, "")
        repository = self._create_repository(self._create_key() if self._spec.customer_managed_key else None)
        readers = self._create_readers(repository, args.get("readers", {}))
        self.repository_id = repository.id
        known_later = pulumi.Output.all(repository.registry_uri, *(reader.id for reader in readers))
        self.repository_url = known_later.apply(lambda known: known[0])
        self.register_outputs({"repository_id": self.repository_id, "repository_url": self.repository_url})

    def _create_key(self) -> pulumi.Output[str]:
        return create_key(self._name, self._spec, ("artifactregistry",), pulumi.ResourceOptions(parent=self))

    def _create_repository(self, kms_key_id: pulumi.Output[str] | None) -> artifactregistry.Repository:
        spec = self._spec
        return artifactregistry.Repository(
            f"{self._name}-images",
            project=spec.project,
            location=spec.region,
            repository_id=self._name,
            format="DOCKER",
            docker_config={"immutable_tags": True},
            kms_key_name=kms_key_id,
            cleanup_policies=[
                {
                    "id": "untagged",
                    "action": "DELETE",
                    "condition": {"tag_state": "UNTAGGED", "older_than": f"{UNTAGGED_IMAGE_DAYS * 24 * 3600}s"},
                }
            ],
            cleanup_policy_dry_run=False,
            labels=spec.labels,
            # Its name is the component's: a second one has no room beside the first.
            opts=pulumi.ResourceOptions(parent=self, protect=spec.deletion_protection, delete_before_replace=True),
        )

    def _create_readers(
        self, repository: artifactregistry.Repository, readers: Mapping[str, pulumi.Input[str]]
    ) -> list[artifactregistry.RepositoryIamMember]:
        return [
            artifactregistry.RepositoryIamMember(
                f"{self._name}-reader-{reader}",
                project=self._spec.project,
                location=self._spec.region,
                repository=repository.repository_id,
                role=_READ,
                member=pulumi.Output.concat("serviceAccount:", email),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for reader, email in readers.items()
        ]


class _RegistrySpec(GuardedSpec):
    customer_managed_key: bool = True
