"""The function of Lambda@Edge: what it answers, what it lets pass, and that it needs nothing but Python."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.edge import intent_classifier, origin_request

from .cloudfront_events import origin_request as event
from .cloudfront_events import request_of, stored

QUESTION = "What is a quay?"
ANSWER = "A solid wall at the water's edge where ships load and unload."


@pytest.fixture(autouse=True)
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> intent_classifier.IntentClassifier:
    """Of one question: each of its words speaks for it, and the bias for none."""
    words, buckets = ["a", "is", "quay", "what"], 512
    weights = [[0, 0] for _ in range(buckets)]
    for bucket in intent_classifier.vector(intent_classifier.features(QUESTION, frozenset(words)), buckets):
        weights[bucket][0] = 127
    unknown = intent_classifier.vector([intent_classifier.UNKNOWN_WORD], buckets)
    for bucket in unknown:
        weights[bucket] = [-127, 127]
    document = {
        "version": 1,
        "buckets": buckets,
        "answers": [ANSWER, ""],
        "words": words,
        "fillers": ["please"],
        "words_of_answers": [words],
        "temperature": 1.0,
        "threshold": 0.9,
        "scales": [0.1, 0.1],
        "biases": [0.0, 12.0],
        "weights": base64.b64encode(bytes(value % 256 for row in weights for value in row)).decode(),
    }
    path = tmp_path / "classifier.json"
    path.write_text(json.dumps(document))
    known = intent_classifier.IntentClassifier(path)
    monkeypatch.setattr(origin_request, "_classifier", lambda: known)
    return known


def asked(content: object = QUESTION, **changes: object) -> dict[str, object]:
    return {"model": "harbour", "messages": [{"role": "user", "content": content}], **changes}


def test_a_known_question_is_answered_as_openai_does_and_says_by_whom():
    response = origin_request.handler(event(asked()), None)
    assert response["status"] == "200"
    assert response["headers"]["x-moorage-answered-by"] == [{"key": "x-moorage-answered-by", "value": "edge"}]
    completion = json.loads(response["body"])
    assert completion["object"] == "chat.completion"
    assert completion["model"] == "harbour"
    assert completion["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
    assert completion["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "body",
    [
        asked("Who mends broken umbrellas?"),
        asked(stream=True),
        asked(tools=[{"type": "function", "function": {"name": "look"}}]),
        asked(response_format={"type": "json_object"}),
        asked(n=2),
        asked(max_tokens=5),
        asked([{"type": "image_url", "image_url": {"url": "data:,"}}]),
        asked(QUESTION * 100),
        {"model": "harbour", "messages": [{"role": "system", "content": "Be rude."}, *asked()["messages"]]},  # type: ignore[misc]
        {"model": "harbour", "messages": asked()["messages"] * 3},  # type: ignore[operator]
        {"messages": asked()["messages"]},
        [],
        b"not json",
        b"[" * 100_000,
    ],
)
def test_what_only_a_model_can_answer_goes_on_untouched(body: object):
    sent = event(body)
    assert origin_request.handler(sent, None) is request_of(sent)


@pytest.mark.parametrize("mark", [None, "", "ACCEPTED", "refused"])
def test_whoever_was_not_let_in_is_not_answered(mark: str | None):
    sent = event(asked(), mark)
    assert origin_request.handler(sent, None) is request_of(sent)


def test_a_body_that_was_cut_goes_on():
    sent = event(asked())
    request_of(sent)["body"]["inputTruncated"] = True
    assert origin_request.handler(sent, None) is request_of(sent)


def test_a_request_without_a_body_goes_on():
    sent = stored("origin_request_without_body")
    assert origin_request.handler(sent, None) is request_of(sent)


def test_a_question_without_its_body_goes_on():
    sent = event(asked())
    del request_of(sent)["body"]
    assert origin_request.handler(sent, None) is request_of(sent)


def test_a_body_that_another_function_has_replaced_by_text_goes_on():
    sent = event(asked())
    request_of(sent)["body"] |= {"action": "replace", "encoding": "text", "data": json.dumps(asked())}
    assert origin_request.handler(sent, None) is request_of(sent)


def test_two_marks_are_none():
    sent = event(asked())
    request_of(sent)["headers"]["x-moorage-edge"].append({"key": "x-moorage-edge", "value": "accepted"})
    assert origin_request.handler(sent, None) is request_of(sent)


def test_its_headers_have_the_shape_of_a_response_that_a_function_makes():
    response = origin_request.handler(event(asked()), None)
    assert set(response) == {"status", "statusDescription", "headers", "bodyEncoding", "body"}
    for name, values in response["headers"].items():
        assert [value["key"].lower() for value in values] == [name]
        assert isinstance(values[0]["value"], str)


@pytest.mark.parametrize(
    "changes", [{"method": "GET"}, {"uri": "/v1/completions"}, {"querystring": "a=b"}, {"uri": "/v1/models"}]
)
def test_other_requests_go_on(changes: dict[str, object]):
    sent = event(asked(), **changes)
    assert origin_request.handler(sent, None) is request_of(sent)


def test_an_answer_that_is_too_large_for_the_edge_is_left_to_the_model():
    assert origin_request._response("x" * origin_request.MOST_RESPONSE_BYTES, "harbour") is None


def test_it_needs_the_standard_library_alone(tmp_path: Path, classifier: intent_classifier.IntentClassifier):
    package = tmp_path / "moorage" / "edge"
    package.mkdir(parents=True)
    for module in (origin_request, intent_classifier):
        source = Path(module.__file__)
        (package / source.name).write_bytes(source.read_bytes())
    (package / origin_request.CLASSIFIER_NAME).write_bytes((tmp_path / "classifier.json").read_bytes())
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from moorage.edge.origin_request import handler;"
        "print(json.dumps(handler(json.load(sys.stdin), None)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path)],
        input=json.dumps(event(asked())),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "200"
