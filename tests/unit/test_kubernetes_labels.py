import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.kubernetes.labels import label_value, object_labels, selector_labels

# What the API server accepts (apimachinery, pkg/util/validation, IsValidLabelValue).
VALID = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


@given(st.text())
def test_any_text_becomes_a_valid_value(text: str):
    value = label_value(text)
    assert VALID.fullmatch(value)
    assert 0 < len(value) <= 63


@pytest.mark.parametrize("text", ["harbour", "Llama-3.1-8B", "a" * 63])
def test_what_is_valid_already_stays(text: str):
    assert label_value(text) == text


@given(st.text(max_size=200), st.text(max_size=200))
def test_different_texts_have_different_values(one: str, other: str):
    assert (label_value(one) == label_value(other)) == (one == other)


def test_a_served_name_with_slashes_stays_readable():
    assert re.fullmatch(r"meta-llama-Llama-3\.1-8B-[0-9a-f]{8}", label_value("meta-llama/Llama-3.1-8B"))


def test_the_selector_is_a_part_of_the_labels_that_never_changes():
    labels = object_labels(name="vllm", instance="harbour", component="engine")
    assert labels == {
        "app.kubernetes.io/name": "vllm",
        "app.kubernetes.io/instance": "harbour",
        "app.kubernetes.io/component": "engine",
        "app.kubernetes.io/part-of": "moorage",
        "app.kubernetes.io/managed-by": "pulumi",
    }
    assert selector_labels(name="vllm", instance="harbour").items() <= labels.items()
