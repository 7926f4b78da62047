"""The CloudFront Function and its store are within what AWS allows.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html and edge-functions-choosing.html
(copies, read 2026-11-26). How much a function may compute AWS does not say, but that it takes less than a millisecond.
Its runtime compiles nothing to machine code, and so Node is kept from it as well.
"""

from statistics import median

import botocore.session
import pytest

from moorage.aws.edge_spec import MOST_FUNCTION_BYTES, MOST_KEY_VALUE_BYTES, EdgeSpec

from .largest_requests import FULL_STORE, REQUESTS, SIGNED_BEFORE
from .viewer_function import CODE, event, run

MOST_KEY_BYTES = 512
MOST_STORE_BYTES = 5 * 1024 * 1024


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
