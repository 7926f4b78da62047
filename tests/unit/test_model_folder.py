"""A local model folder: what is read from it, and that one which is not complete is refused before anything starts."""

import json
import random
import shutil
from pathlib import Path

import pytest
from tests.small_model import change_config, safetensors, write_small_model

from moorage.local.errors import LocalError
from moorage.local.model_folder import inspect_model_folder
from moorage.local.model_revision import model_folder_revision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_model(tmp_path / "model")


def shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "first.safetensors").write_bytes(safetensors({"embed": (16, 8)}))
    (folder / "second.safetensors").write_bytes(safetensors({"norm": (1, 8)}))
    index = {"weight_map": {"embed": "first.safetensors", "norm": "second.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_the_facts_come_from_the_configuration_and_the_weights_headers(folder: Path):
    facts = inspect_model_folder(folder)
    assert facts.architecture == "LlamaForCausalLM"
    assert (facts.parameter_count, facts.weight_bytes, facts.dtype) == (136, 272, "BF16")
    assert (facts.num_attention_heads, facts.num_key_value_heads, facts.head_dim) == (4, 2, 2)
    assert (facts.max_position_embeddings, facts.vocab_size, facts.is_quantized) == (64, 16, False)


def test_shards_count_as_one_model_and_other_files_do_not(folder: Path):
    whole = inspect_model_folder(folder)
    shard(folder)
    (folder / "consolidated.safetensors").write_bytes(safetensors({"embed": (16, 8)}))
    assert inspect_model_folder(folder) == whole


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"num_key_value_heads": ...}, "num_key_value_heads", 4),
        ({"head_dim": 32}, "head_dim", 32),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, "max_position_embeddings", 256),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, "max_position_embeddings", 64),
        ({"quantization_config": {"quant_method": "awq"}}, "is_quantized", True),
        ({"hidden_size": ..., "text_config": {"hidden_size": 8}}, "hidden_size", 8),
        ({"hidden_size": ..., "n_embd": 8}, "hidden_size", 8),
    ],
)
def test_the_dialects_of_config_json_are_understood(
    folder: Path, changes: dict[str, object], field: str, expected: object
):
    change_config(folder, **changes)
    assert getattr(inspect_model_folder(folder), field) == expected


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(LocalError, match=name.removeprefix("model").replace(".", r"\.")):
        inspect_model_folder(folder)


def test_a_missing_folder_is_named_with_how_to_write_a_hub_model(tmp_path: Path):
    with pytest.raises(LocalError, match="no such folder; a model of the Hugging Face Hub is written hf://"):
        inspect_model_folder(tmp_path / "org" / "name")


def test_all_missing_shards_are_named(folder: Path):
    shard(folder)
    (folder / "first.safetensors").unlink()
    (folder / "second.safetensors").unlink()
    with pytest.raises(LocalError, match=r"first\.safetensors, second\.safetensors missing"):
        inspect_model_folder(folder)


@pytest.mark.parametrize("kept", [0, 7, 8, 20, 150, -1])
def test_truncated_weights_are_refused(folder: Path, kept: int):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(LocalError, match=r"model\.safetensors: .*(truncated|no safetensors header).*; copy it again"):
        inspect_model_folder(folder)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n" * 3, "no safetensors header"),
        ((2).to_bytes(8, "little") + b"[]", "damaged"),
        ((2).to_bytes(8, "little") + b"{]", "damaged"),
        (safetensors({"embed": (16, 8)}) + b"x", "bytes too many"),
        (safetensors({}), "holds no tensors"),
    ],
    ids=["git lfs pointer", "list", "no json", "too long", "empty"],
)
def test_a_file_that_holds_something_else_is_refused(folder: Path, content: bytes, problem: str):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(LocalError, match=problem):
        inspect_model_folder(folder)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ("{}", "architectures, hidden_size, "),
        ('{"text_config": 3}', "text_config missing or not"),
    ],
)
def test_an_unusable_configuration_is_refused(folder: Path, content: str, problem: str):
    (folder / "config.json").write_text(content)
    with pytest.raises(LocalError, match=rf"config\.json: {problem}"):
        inspect_model_folder(folder)


def test_the_revision_follows_the_content_and_not_the_place(folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert model_folder_revision(copy) == model_folder_revision(folder)
    (copy / "tokenizer.json").write_text("{ }")
    assert model_folder_revision(copy) != model_folder_revision(folder)


def test_the_revision_of_large_weights_follows_another_training(folder: Path):
    revisions: set[str] = set()
    for training in range(3):
        (folder / "model.safetensors").write_bytes(random.Random(training).randbytes(20 * 2**20))  # noqa: S311
        revisions.add(model_folder_revision(folder))
    assert len(revisions) == 3


@pytest.mark.parametrize("changed", [0, -1])
def test_the_revision_sees_both_ends_of_large_weights(folder: Path, changed: int):
    content = bytearray(20 * 2**20)
    file = folder / "model.safetensors"
    file.write_bytes(content)
    before = model_folder_revision(folder)
    content[changed] = 1
    file.write_bytes(content)
    assert model_folder_revision(folder) != before
