"""The CloudFront Function and its store are within what AWS allows.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html and edge-functions-choosing.html
(copies, read 2026-11-26). How much a function may compute AWS does not say, but that it takes less than a millisecond.
Its runtime compiles nothing to machine code, and so Node is kept from it as well.
"""

from statistics import median
from typing import Any

import botocore.session
import pytest

from moorage.aws.edge_spec import MOST_FUNCTION_BYTES, MOST_KEY_VALUE_BYTES, EdgeSpec

from .viewer_function import CODE, KEY, SECRET, event, mac, run

MOST_REQUEST_BYTES = 32_768
MOST_KEY_BYTES = 512
MOST_STORE_BYTES = 5 * 1024 * 1024
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


def test_the_function_is_within_its_size():
    assert len(CODE.encode()) <= MOST_FUNCTION_BYTES


@pytest.mark.parametrize("request_name", REQUESTS)
def test_without_compiled_code_any_request_is_decided_within_a_millisecond(request_name: str):
    sent = REQUESTS[request_name]
    ran = run(sent, store=FULL_STORE, region="ap-southeast-7", repeat=100, flags=["--jitless"])
    assert median(ran["milliseconds"]) < 1


def test_a_request_reads_each_key_of_the_store_once_and_signs_once_for_each_secret():
    (result,) = run(REQUESTS["the longest key, signed by the secret before"], store=FULL_STORE, region="eu-west-1")[
        "results"
    ]
    assert result["selected"]
    assert sorted(result["read"]) == ["hmac", "hmac-previous", "routes"]
    assert sorted(result["looked_for"]) == ["hmac", "hmac-previous", f"revoked-{SIGNED_BEFORE}", "routes-eu-west-1"]
    assert result["signed"] == 2


def test_whoever_has_no_key_costs_no_read():
    (result,) = run(event(None))["results"]
    assert (result["read"], result["looked_for"], result["signed"]) == ([], [], 0)


def test_the_keys_that_are_read_fit_the_store():
    (result,) = run(event(), region=max(regions(), key=len))["results"]
    assert max(len(key.encode()) for key in result["looked_for"]) <= MOST_KEY_BYTES


def test_routes_of_all_regions_at_their_longest_fit_the_store():
    weights = {f"origin-{number:03}": 1 for number in range(MOST_KEY_VALUE_BYTES // 13)}
    spec = EdgeSpec(routes={"default": weights, **dict.fromkeys(regions(), weights)})
    assert sum(len(key.encode()) + len(value.encode()) for key, value in spec.key_values.items()) <= MOST_STORE_BYTES


def regions() -> list[str]:
    """All of AWS's public ones."""
    return botocore.session.get_session().get_available_regions("ec2")
