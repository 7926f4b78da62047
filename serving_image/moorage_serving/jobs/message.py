"""What is written into the queue and the bucket: version 1 of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, Json, StringConstraints, model_validator

JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
BodyKey = Annotated[str, StringConstraints(pattern=r"^bodies/[A-Za-z0-9_-]{1,64}\.json$")]
Path = Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _JsonBody(BaseModel):
    body: Json[dict[str, Any]]


class Job(_Document):
    """One request. Whoever submits a job twice under one id has it done once."""

    version: Literal[1] = 1
    job_id: JobId = Field(default_factory=lambda: uuid4().hex)
    path: Path = "/v1/chat/completions"
    """Of OpenAI's API."""
    body: dict[str, Any] | None = None
    """As OpenAI's API takes it, without `stream`."""
    body_key: BodyKey | None = None
    """In place of the body: under which the bucket has it, where it is too large for a message."""
    submitted_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def from_text(cls, given: dict[str, str]) -> Job:
        """With a body that is still JSON. Raises pydantic.ValidationError."""
        body = _JsonBody.model_validate({"body": given["body"]}).body
        return cls.model_validate({**given, "body": body})

    @model_validator(mode="after")
    def _has_one_body(self) -> Job:
        if (self.body is None) == (self.body_key is None):
            raise ValueError("exactly one of body and body_key must be given")
        if self.body is not None and self.body.get("stream"):
            raise ValueError("body.stream = true: must be left out; nobody reads a job's stream")
        return self


class JobResult(_Document):
    """What became of a job."""

    version: Literal[1] = 1
    job_id: JobId
    outcome: Literal["succeeded", "failed"]
    status: int
    """Of the engine's answer (HTTP)."""
    body: Any
    """The engine's answer; its error where the job has failed."""
    submitted_at: AwareDatetime
    finished_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
