"""What tests do with the cluster: apply, look, wait."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, TypeVar

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError
from kubernetes.dynamic.resource import Resource

import kubernetes

ResultT = TypeVar("ResultT")
Document = dict[str, Any]

FIELD_MANAGER = "moorage-tests"
WAIT_SECONDS = 60
POLL_SECONDS = 0.2
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Cluster:
    """One user's view of it. Documents are plain mappings, as in YAML."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = kubernetes.config.new_client_from_config(str(kubeconfig))
        self._dynamic = DynamicClient(self._client, cache_file=str(kubeconfig.with_suffix(".discovery")))

    def close(self) -> None:
        self._client.close()

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        """Server-side, with every unknown or doubled field refused. Raises `DynamicApiError`.

        A dry run goes through all of admission and leaves nothing.
        """
        resource = self._resource(document["apiVersion"], document["kind"])
        applied = resource.server_side_apply(
            body=document,
            namespace=document["metadata"].get("namespace"),
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
            query_params=[("fieldValidation", "Strict"), *([("dryRun", "All")] if dry_run else [])],
        )
        return applied.to_dict()

    def create(self, document: Document) -> Document:
        """With its status, which an apply would leave out."""
        resource = self._resource(document["apiVersion"], document["kind"])
        return resource.create(body=document, namespace=document["metadata"].get("namespace")).to_dict()

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Document:
        return self._resource(api_version, kind).get(name=name, namespace=namespace).to_dict()

    def objects(
        self, api_version: str, kind: str, namespace: str | None = None, *, selector: str = ""
    ) -> list[Document]:
        found = self._resource(api_version, kind).get(namespace=namespace, label_selector=selector)
        return [item.to_dict() for item in found.items]

    def patch(self, document: Document) -> Document:
        """Merges the document into the object that it names."""
        resource = self._resource(document["apiVersion"], document["kind"])
        metadata = document["metadata"]
        content_type = "application/merge-patch+json"
        return resource.patch(
            body=document, name=metadata["name"], namespace=metadata.get("namespace"), content_type=content_type
        ).to_dict()

    def patch_status(self, document: Document) -> None:
        """As a controller says how the object is; conditions are merged by their types."""
        resource = self._resource(document["apiVersion"], document["kind"])
        metadata = document["metadata"]
        resource.subresources["status"].patch(
            body=document,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            content_type="application/strategic-merge-patch+json",
        )

    def delete(self, document: Document) -> None:
        resource = self._resource(document["apiVersion"], document["kind"])
        with contextlib.suppress(NotFoundError):
            resource.delete(
                name=document["metadata"]["name"],
                namespace=document["metadata"].get("namespace"),
                body={"propagationPolicy": "Background", "gracePeriodSeconds": 0},
            )

    def evict(self, pod: Document) -> bool:
        """As a drain does it; whether it was allowed."""
        metadata = pod["metadata"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        try:
            self._dynamic.request("post", path, body=eviction)
        except kubernetes.client.ApiException as error:
            if error.status == 429:
                return False
            raise
        return True

    def pods(self, namespace: str, *, selector: str = "") -> list[Document]:
        """Those that are not being deleted."""
        found = self.objects("v1", "Pod", namespace, selector=selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ensure_namespace(self, name: str) -> None:
        """One that admits nothing but what Pod Security calls restricted."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})

    @contextlib.contextmanager
    def applied(self, documents: Iterable[Document]) -> Generator[None]:
        """Applies them in order, and deletes them in the reverse one after the block."""
        done: list[Document] = []
        try:
            for document in documents:
                self.apply(document)
                done.append(document)
            yield
        finally:
            for document in reversed(done):
                self.delete(document)

    def _resource(self, api_version: str, kind: str) -> Resource:
        return self._dynamic.resources.get(api_version=api_version, kind=kind)


def wait_until(look: Callable[[], ResultT], *, seconds: float = WAIT_SECONDS, what: str = "it") -> ResultT:
    """The first true answer. Raises `AssertionError` with the last one after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds} seconds; the last answer was {answer!r}")
        time.sleep(POLL_SECONDS)
    return answer


def refusal(error: DynamicApiError) -> str:
    """What the API server says."""
    return error.body.decode() if isinstance(error.body, bytes) else str(error.body)
