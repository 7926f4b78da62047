"""Time in which AWS makes known to all of itself what it has answered already."""

import secrets
import time
from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider

from moorage.credentials.credential import Credential


class _PropagationProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: Mapping[str, object]) -> CreateResult:
        time.sleep(cast("float", props["seconds"]))
        return CreateResult(secrets.token_hex(8), {"of": props["of"], "seconds": props["seconds"]})

    def diff(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> DiffResult:
        changed = _olds["of"] != _news["of"]
        return DiffResult(changes=changed, replaces=["of"] if changed else [])


class Propagation(Credential, module="moorage", name="Propagation"):
    """Is there so many seconds after what it is of: what depends on it comes later still.

    For what AWS has no way to ask whether it is in effect. An update that makes nothing anew does not wait.
    """

    implementation = _PropagationProvider

    def __init__(
        self, name: str, of: pulumi.Input[str], seconds: float, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`of`: the id of what was made; another one means to wait again."""
        super().__init__(name, {"of": of, "seconds": seconds}, opts or pulumi.ResourceOptions())
