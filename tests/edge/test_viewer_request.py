"""Whom the CloudFront Function lets in, what it takes away, and where a key goes."""

import json
from collections import Counter

import pytest

from moorage.edge.signed_key import signed_key

from .cloudfront_events import viewer_request
from .viewer_function import KEY, SECRET, STORE, event, mac, run


def test_a_signed_key_reaches_its_origin_without_its_signature():
    (result,) = run(event())["results"]
    assert result["selected"] == "eu"
    assert result["returned"]["headers"]["authorization"] == {"value": f"Bearer {KEY}"}
    assert result["returned"]["headers"]["x-moorage-edge"] == {"value": "accepted"}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        f"Bearer {KEY}",
        f"Basic {KEY}.{mac(KEY)}",
        f"Bearer {KEY}x.{mac(KEY)}",
        f"Bearer {KEY}.{mac(KEY, 'another secret')}",
        f"Bearer {KEY}.{'A' * 43}",
        f"Bearer {KEY}.{mac(KEY)}.{mac(KEY)}",
        f"Bearer short.{mac('short')}",
    ],
)
def test_whoever_has_no_signed_key_is_answered_at_the_edge(authorization: str | None):
    (result,) = run(event(authorization))["results"]
    assert result["returned"]["statusCode"] == 401
    assert json.loads(result["returned"]["body"]["data"])["error"]["code"] == "invalid_api_key"
    assert result["selected"] is None


@pytest.mark.parametrize(
    "key", ["k" * 15, "k" * 16, "k" * 200, "k" * 201, "with.dots.in.the.key", "with blanks in the key", ""]
)
def test_what_can_be_signed_is_let_in_and_what_cannot_is_not(key: str):
    try:
        sent, is_let_in = signed_key(key, SECRET), True
    except ValueError:
        sent, is_let_in = f"{key}.{mac(key)}", False
    (result,) = run(event(f"Bearer {sent}"))["results"]
    assert (result["selected"] is not None) is is_let_in


def test_what_a_client_repeats_and_what_is_no_header_goes_on_as_it_came():
    sent = viewer_request(f"Bearer {KEY}.{mac(KEY)}", "viewer_request_with_repeated_values")
    returned = run(sent)["results"][0]["returned"]
    expected = sent["request"]
    assert returned["headers"]["accept"] == expected["headers"]["accept"]
    assert (returned["querystring"], returned["cookies"]) == (expected["querystring"], expected["cookies"])


def test_a_proxys_header_that_is_sent_twice_is_taken_away_twice():
    sent = viewer_request(f"Bearer {KEY}.{mac(KEY)}", "viewer_request_with_repeated_values")
    assert "multiValue" in sent["request"]["headers"]["x-forwarded-for"]
    assert "x-forwarded-for" not in run(sent)["results"][0]["returned"]["headers"]


def test_an_event_of_a_test_is_decided_as_one_of_a_client():
    sent = viewer_request(f"Bearer {KEY}.{mac(KEY)}", "viewer_request_of_a_test")
    (result,) = run(sent)["results"]
    assert (result["selected"], result["returned"]["uri"]) == ("eu", "/v1/models")


def test_two_credentials_in_one_request_are_refused():
    twice = event()
    value = twice["request"]["headers"]["authorization"]["value"]
    twice["request"]["headers"]["authorization"]["multiValue"] = [{"value": value}, {"value": "Bearer other"}]
    assert run(twice)["results"][0]["returned"]["statusCode"] == 401


def test_a_client_cannot_say_itself_that_the_edge_has_accepted_it():
    (refused,) = run(event(None, x_moorage_edge="accepted"))["results"]
    assert refused["returned"]["statusCode"] == 401


def test_headers_that_only_a_proxy_may_set_are_taken_away():
    forged = event(
        x_forwarded_for="10.0.0.1",
        x_forwarded_host="evil",
        forwarded="for=10.0.0.1",
        x_moorage_tenant="other",
        accept="*/*",
    )
    headers = run(forged)["results"][0]["returned"]["headers"]
    assert set(headers) == {*event()["request"]["headers"], "x-moorage-edge"}


def test_the_secret_before_is_good_until_it_is_taken_away():
    before = event(f"Bearer {KEY}.{mac(KEY, 'the secret before')}")
    assert run(before, store={**STORE, "hmac-previous": "the secret before"})["results"][0]["selected"] == "eu"
    assert run(before)["results"][0]["returned"]["statusCode"] == 401


def test_a_revoked_key_is_refused():
    assert run(event(), store={**STORE, f"revoked-{mac(KEY)}": "1"})["results"][0]["returned"]["statusCode"] == 401


def test_the_nearest_region_wins_and_others_go_the_common_way():
    store = {**STORE, "routes-us-east-1": "us=1"}
    assert run(event(), store=store, region="us-east-1")["results"][0]["selected"] == "us"
    assert run(event(), store=store, region="ap-south-1")["results"][0]["selected"] == "eu"
    assert run(event(), store=store)["results"][0]["selected"] == "eu"


def test_a_canary_gets_its_share_of_keys_and_a_key_stays_where_it_is():
    keys = [f"moorage-key-number-{number:06}" for number in range(1000)]
    events = [event(f"Bearer {key}.{mac(key)}") for key in keys]
    store = {**STORE, "routes": "eu=90,canary=10"}
    first, again = ([result["selected"] for result in run(*events, store=store)["results"]] for _ in range(2))
    assert first == again
    assert 70 <= Counter(first)["canary"] <= 130


def test_an_edge_that_cannot_decide_lets_nobody_in():
    ran = run(event(), store={"hmac": SECRET})
    assert ran["results"][0]["returned"]["statusCode"] == 503
    assert not any(KEY in line or SECRET in line for line in ran["logs"])


def test_no_secret_is_in_an_answer():
    text = json.dumps(run(event(None), event(f"Bearer {KEY}.{'A' * 43}"))["results"])
    assert SECRET not in text
    assert KEY not in text
