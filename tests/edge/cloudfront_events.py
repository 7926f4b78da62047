"""Events as CloudFront gives them to its two kinds of functions: those of `events/`, with single fields changed."""

import base64
import json
from pathlib import Path
from typing import Any

_EVENTS = Path(__file__).parent / "events"


def stored(name: str) -> dict[str, Any]:
    """A new copy of one of `events/`."""
    return json.loads((_EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def viewer_request(authorization: str | None, name: str = "viewer_request", **headers: str) -> dict[str, Any]:
    """For a CloudFront Function. Names of headers have `_` for `-`."""
    event = stored(name)
    sent = {} if authorization is None else {"authorization": authorization}
    sent |= {header.replace("_", "-"): value for header, value in headers.items()}
    event["request"]["headers"] |= {header: {"value": value} for header, value in sent.items()}
    return event


def origin_request(body: object, mark: str | None = "accepted", **changes: object) -> dict[str, Any]:
    """For Lambda@Edge, with a body. `mark`: what the viewer's function has said of who asks, None for nothing."""
    event = stored("origin_request")
    request = request_of(event)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request["body"]["data"] = base64.b64encode(data).decode()
    if mark is None:
        del request["headers"]["x-moorage-edge"]
    else:
        request["headers"]["x-moorage-edge"][0]["value"] = mark
    request.update(changes)
    return event


def request_of(event: dict[str, Any]) -> dict[str, Any]:
    """What an event of Lambda@Edge is about."""
    return event["Records"][0]["cf"]["request"]
