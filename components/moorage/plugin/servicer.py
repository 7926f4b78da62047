"""What the engine asks of the plugin: the SDK's answers for components, and our own for credentials."""

from collections.abc import Mapping
from typing import Any, cast

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic import ResourceProvider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime import proto, rpc

from moorage.aws.propagation import Propagation
from moorage.credentials.api_key import ApiKey
from moorage.credentials.credential import Credential
from moorage.credentials.password import Password
from moorage.credentials.server_certificate import ServerCertificate

_KINDS = (ApiKey, Password, Propagation, ServerCertificate)
CREDENTIALS: Mapping[str, type[Credential]] = {kind.__name__: kind for kind in _KINDS}


class PluginServicer(ProviderServicer):
    """Credentials are made here: where the program is not in Python, nothing else could run their code.

    None of them changes in place: one is made, kept, and made anew where it is replaced.
    """

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return proto.CheckResponse(inputs=request.news)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = _implementation(request.urn).diff(request.id, _plain(request.olds), _plain(request.news))
        changes = proto.DiffResponse.DIFF_SOME if found.changes else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(changes=changes, replaces=found.replaces)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        made = _implementation(request.urn).create(_plain(request.properties))
        properties = Struct()
        properties.update(made.outs or {})
        return proto.CreateResponse(id=made.id, properties=properties)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return proto.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()


def _implementation(urn: str) -> ResourceProvider:
    kind = urn.split("::")[2].rpartition(":")[2]
    return CREDENTIALS[kind].implementation()


def _plain(properties: Struct) -> dict[str, Any]:
    values = cast("Mapping[str, object]", rpc.deserialize_properties(properties, keep_unknowns=True))
    return {name: rpc.unwrap_rpc_secret(value) for name, value in values.items()}
