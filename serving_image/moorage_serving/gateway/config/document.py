"""What all parts of the configuration have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
HTTP_ADDRESS = rf"https?://{HOST}(:[0-9]{{1,5}})?"
UNIX_ADDRESS = r"unix:///[^?#\x00-\x1f]+"
REDIS_ADDRESS = rf"rediss?://([^@/\s]*@)?{HOST}(:[0-9]{{1,5}})?(/[0-9]*)?|{UNIX_ADDRESS}"

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,126}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SecretArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$")
]
Address = Annotated[str, StringConstraints(pattern=rf"^({HTTP_ADDRESS}|{UNIX_ADDRESS})$")]
HttpAddress = Annotated[str, StringConstraints(pattern=rf"^{HTTP_ADDRESS}$")]
EnvironmentVariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
RedisUrl = Annotated[str, StringConstraints(pattern=rf"^({REDIS_ADDRESS})$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]*$")]
Positive = Annotated[int, Field(ge=1, le=2**53)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class Document(BaseModel):
    """A part of the configuration: strict (no coercion), closed (unknown keys are errors), frozen, documented."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True)
