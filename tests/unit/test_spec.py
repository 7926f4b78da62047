"""The specification: what is accepted, what is refused, and that everything wrong is reported at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.spec import (
    BucketSource,
    FolderSource,
    HubSource,
    ModelSpec,
    SpecError,
    parse_load,
    parse_model,
    parse_service_level,
    parse_source,
)

HUB = {"source": "hf://meta-llama/Llama-3.1-8B"}


def problems_of(value: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        parse_model(value)
    return [str(problem) for problem in raised.value.problems]


def test_only_the_source_is_required():
    model = parse_model(HUB)
    assert model.source == HubSource("meta-llama/Llama-3.1-8B")
    assert (model.dtype, model.quantization, model.max_model_len, model.hub_revision) == ("auto", None, None, None)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf://meta-llama/Llama-3.1-8B", "Llama-3.1-8B"),
        ("hf://meta-llama/Llama-3.1-8B@refs/pr/3", "Llama-3.1-8B"),
        ("/models/harbour/", "harbour"),
        ("~/harbour", "harbour"),
        ("models/harbour", "harbour"),
    ],
)
def test_the_served_name_is_the_sources_last_part_unless_given(source: str, name: str):
    assert parse_model({"source": source}).served_name == name
    assert parse_model({"source": source, "served_name": "other"}).served_name == "other"


@pytest.mark.parametrize("source", ["~", ".", "..", "/", "/models/my model"])
def test_a_source_without_a_usable_last_part_needs_a_served_name(source: str):
    assert problems_of({"source": source})[0].startswith("model.served_name = ")
    assert parse_model({"source": source, "served_name": "harbour"}).source == FolderSource(source)


@pytest.mark.parametrize(
    "value", [{**HUB, "revision": "v1"}, {"source": "hf://meta-llama/Llama-3.1-8B@v1"}], ids=["field", "source"]
)
def test_the_hub_revision_is_the_same_wherever_it_was_given(value: dict[str, object]):
    assert parse_model(value).hub_revision == "v1"


def test_a_revision_given_twice_is_refused():
    assert problems_of({"source": "hf://a/b@v1", "revision": "v1"}) == [
        'model.revision = "v1": must be left out, because source has the revision v1 already'
    ]


def test_a_local_folder_takes_no_revision():
    assert problems_of({"source": "/models/harbour", "revision": "v1"}) == [
        'model.revision = "v1": must be left out, because a local folder\'s revision is computed from its files'
    ]


@pytest.mark.parametrize("address", ["s3://harbour-models/v1", "gs://harbour_models/llama/v1"])
def test_a_buckets_folder_is_a_source_with_or_without_a_last_slash(address: str):
    assert parse_source(address) == parse_source(f"{address}/") == BucketSource(address)
    assert parse_model({"source": address, "revision": "2026-11-25"}).served_name == "v1"


@pytest.mark.parametrize(
    "address", ["s3://", "s3://bucket", "gs://B/model", "s3://bucket/a b", "s3://bucket/a?x=1", "s3://bucket/a*"]
)
def test_a_malformed_bucket_address_is_refused(address: str):
    with pytest.raises(ValueError, match="must name a folder of a bucket"):
        parse_source(address)


@pytest.mark.parametrize("source", ["az://bucket/model", "https://example.org/model"])
def test_other_schemes_are_refused_with_what_is_allowed(source: str):
    (problem,) = problems_of({"source": source})
    assert "is not supported yet; must be hf://organisation/name" in problem
    assert "the path of a local folder" in problem


@pytest.mark.parametrize(
    "source", ["hf://", "hf://gpt2", "hf://a/b/c", "hf://a/b--c", "hf://a/b@", "hf://a/b@-x", "hf://a/" + "b" * 96, ""]
)
def test_a_malformed_hub_address_is_refused(source: str):
    with pytest.raises(ValueError, match="must "):
        parse_source(source)


@given(st.text())
def test_any_text_is_a_source_or_a_value_error(text: str):
    try:
        assert isinstance(parse_source(text), HubSource | BucketSource | FolderSource)
    except ValueError as error:
        assert "must " in str(error)  # noqa: PT017 - most texts raise nothing


@given(st.integers(1, 2**53))
def test_an_integer_may_arrive_as_a_float(tokens: int):
    assert parse_model({**HUB, "max_model_len": float(tokens)}) == parse_model({**HUB, "max_model_len": tokens})


@pytest.mark.parametrize("value", [-5, 0, 1.5, "3", True, [3], float("inf"), float("nan")])
def test_what_is_no_positive_integer_is_refused(value: object):
    (problem,) = problems_of({**HUB, "max_model_len": value})
    assert problem.startswith("model.max_model_len = ")
    assert problem.endswith(": must be an integer of at least 1")


def test_an_unknown_key_lists_the_valid_ones_and_the_closest():
    (problem,) = problems_of({**HUB, "max_modle_len": 3})
    assert problem == (
        "model.max_modle_len: unknown key; must be one of source, revision, served_name, dtype, quantization, "
        "max_model_len, lora_adapters, chat_template (did you mean max_model_len?)"
    )


def test_an_unknown_choice_lists_the_choices_and_the_closest():
    assert problems_of({**HUB, "dtype": "bf16"}) == [
        'model.dtype = "bf16": must be one of auto, bfloat16, float16, float32 (did you mean bfloat16?)'
    ]


def test_a_missing_key_says_what_belongs_there():
    (problem,) = problems_of({})
    assert problem.startswith("model.source: is missing; must be hf://organisation/name, ")


def test_everything_wrong_is_reported_at_once_with_its_keys_path():
    wrong = {
        "source": "hf://a/b@v1",
        "revision": "v2",
        "served_name": "my model",
        "dtype": "int4",
        "max_model_len": -5,
        "lora_adapters": {"harbour": 3, "bad name": "hf://a/c"},
        "max_len": 1,
    }
    problems = problems_of(wrong)
    keys = [problem.split(" = ")[0].split(":")[0] for problem in problems]
    assert keys == [
        "model.revision",
        "model.served_name",
        "model.dtype",
        "model.max_model_len",
        "model.lora_adapters.harbour",
        "model.lora_adapters.bad name",
        "model.max_len",
    ]
    with pytest.raises(SpecError) as raised:
        parse_model(wrong)
    assert str(raised.value).splitlines() == problems


@pytest.mark.parametrize("value", [3, None, [HUB], "hf://a/b"])
def test_what_is_no_mapping_is_refused_under_the_callers_key(value: object):
    with pytest.raises(SpecError, match=r"^moorage:model = .* must be a mapping with keys out of source, "):
        parse_model(value, "moorage:model")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from([*ModelSpec.model_fields, "unknown"])


@given(st.dictionaries(keys, json_values))
def test_whatever_a_configuration_holds_is_a_specification_or_a_list_of_problems(value: dict[str, object]):
    try:
        assert parse_model(value).source
    except SpecError as error:
        assert error.problems  # noqa: PT017 - some values raise nothing
        assert all(problem.key.startswith("model.") for problem in error.problems)  # noqa: PT017


def test_an_adapter_takes_neither_a_revision_nor_the_models_name():
    assert "takes no revision" in problems_of({**HUB, "lora_adapters": {"x": "hf://a/c@v1"}})[0]
    assert "the name of the model itself" in problems_of({**HUB, "lora_adapters": {"Llama-3.1-8B": "/x"}})[0]


def test_a_long_value_is_shown_shortened():
    (problem,) = problems_of({**HUB, "dtype": "x" * 10_000})
    assert len(problem) < 300


def test_a_specification_cannot_be_changed():
    model = parse_model({**HUB, "lora_adapters": {"x": "/adapters/x"}})
    with pytest.raises(ValueError, match="frozen"):
        model.dtype = "float16"
    with pytest.raises(TypeError):
        model.lora_adapters["y"] = FolderSource("/y")  # pyright: ignore[reportIndexIssue]


def test_the_longest_is_at_least_the_mean():
    with pytest.raises(SpecError, match=r"load.max_output_tokens = 5: must be at least mean_output_tokens = 10"):
        parse_load({"mean_output_tokens": 10, "max_output_tokens": 5})


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "45", True])
def test_a_service_level_is_a_positive_time(value: object):
    with pytest.raises(SpecError, match=r"service_level.p99_request_seconds = .*: must be a number above 0"):
        parse_service_level({"p99_request_seconds": value})


def test_load_and_service_level_have_defaults():
    assert parse_load({}).mean_request_tokens == 640
    assert parse_service_level({}).p99_request_seconds == 45
