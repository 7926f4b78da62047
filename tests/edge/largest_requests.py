"""The largest requests that CloudFront lets through, and a store that is full.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html (a copy, read 2026-11-26).
"""

from typing import Any

from moorage.aws.edge_spec import MOST_KEY_VALUE_BYTES

from .viewer_function import KEY, SECRET, event, mac

MOST_REQUEST_BYTES = 32_768
LONGEST_KEY = "k" * 200
FULL_ROUTES = ",".join(f"origin-{number:03}=1" for number in range(MOST_KEY_VALUE_BYTES // 13))
FULL_STORE = {
    "hmac": SECRET,
    "hmac-previous": "the secret before, 32 bytes long",
    "routes": FULL_ROUTES,
    "routes-ap-southeast-7": FULL_ROUTES,
}


def with_as_many_headers_as_fit() -> dict[str, Any]:
    """One letter each as a value: the shorter they are, the more of them."""
    sent = event()
    for number in range(MOST_REQUEST_BYTES // len("h0000: 1\r\n") - 100):
        sent["request"]["headers"][f"h{number:04}"] = {"value": "1"}
    return sent


SIGNED_BEFORE = mac(LONGEST_KEY, FULL_STORE["hmac-previous"])
REQUESTS = {
    "an ordinary one": event(),
    "the longest key, signed by the secret before": event(f"Bearer {LONGEST_KEY}.{SIGNED_BEFORE}"),
    "as many headers as fit": with_as_many_headers_as_fit(),
    "blanks alone": event("Bearer " + " " * 32_000),
    "a key without an end": event("Bearer " + "k" * 32_000),
    "a signature without an end": event(f"Bearer {KEY}." + "k" * 32_000),
}
