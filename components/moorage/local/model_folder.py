"""A local folder with a model: that it is complete, and what it says about itself; known before anything starts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import AliasChoices, BaseModel, Field, PositiveInt, TypeAdapter, ValidationError

from moorage.local.errors import LocalError
from moorage.local.safetensors_header import Tensor, UnreadableWeightsError, read_header
from moorage.spec import ModelFacts

_CONFIG_FILE = "config.json"
_INDEX_FILE = "model.safetensors.index.json"
_JSON_OBJECT = TypeAdapter(dict[str, object])
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json")
# With these, vLLM multiplies the context (vllm/config/model.py, _get_and_verify_max_len, vLLM 0.32.0).
_CONTEXT_SCALING_ROPE_TYPES = {"linear", "dynamic"}


class _Rope(BaseModel):
    rope_type: str = Field(default="default", validation_alias=AliasChoices("rope_type", "type"))
    factor: float | None = None


class _Config(BaseModel):
    """The part of config.json that says what the model is and how large; GPT-2's names are taken as well."""

    architectures: list[str] = Field(min_length=1)
    quantization_config: object = None
    hidden_size: PositiveInt = Field(validation_alias=AliasChoices("hidden_size", "n_embd"))
    num_hidden_layers: PositiveInt = Field(validation_alias=AliasChoices("num_hidden_layers", "n_layer"))
    num_attention_heads: PositiveInt = Field(validation_alias=AliasChoices("num_attention_heads", "n_head"))
    num_key_value_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    max_position_embeddings: PositiveInt = Field(
        validation_alias=AliasChoices("max_position_embeddings", "n_positions")
    )
    vocab_size: PositiveInt
    rope: _Rope | None = Field(default=None, validation_alias=AliasChoices("rope_parameters", "rope_scaling"))


def inspect_model_folder(folder: Path) -> ModelFacts:
    """Reads the configuration and the weights' headers, not the weights: as fast for 100 GB as for one.

    Raises:
        LocalError: something that the engine needs is missing, damaged or truncated; names the file and what to do.
    """
    if not folder.is_dir():
        hint = "; a model of the Hugging Face Hub is written hf://organisation/name"
        raise LocalError(f"{folder}: there is no such folder{hint}")
    config = _config(folder / _CONFIG_FILE)
    _check_tokenizer(folder)
    return _facts(config, [tensor for file in weight_files(folder) for tensor in _tensors(file)])


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that the engine loads: those that the index names, or all where there is none.

    Raises:
        LocalError: there are none, or one that the index names is missing.
    """
    index = folder / _INDEX_FILE
    if not index.exists():
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise LocalError(f"{folder}: has no *.safetensors; save the model with save_pretrained()")
        return files
    try:
        weight_map = TypeAdapter(dict[str, str]).validate_python(_read_json(index).get("weight_map"))
    except ValidationError:
        raise LocalError(f"{index}: has no weight_map from tensors to files; copy it again") from None
    files = sorted({folder / name for name in weight_map.values()})
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise LocalError(f"{folder}: {', '.join(missing)} missing, named by {_INDEX_FILE}; copy the whole model again")
    return files


def _read_json(file: Path) -> dict[str, object]:
    try:
        return _JSON_OBJECT.validate_json(file.read_bytes())
    except FileNotFoundError:
        raise LocalError(f"{file}: is missing; the folder must hold a model as save_pretrained() writes it") from None
    except OSError as error:
        raise LocalError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError:
        raise LocalError(f"{file}: must be a JSON object; copy it again") from None


def _config(file: Path) -> _Config:
    config = _read_json(file)
    try:
        # A model that reads images as well keeps its language model's numbers one level deeper.
        return _Config.model_validate({**_JSON_OBJECT.validate_python(config.get("text_config", {})), **config})
    except ValidationError as error:
        keys = ", ".join(sorted({str((*detail["loc"], "text_config")[0]) for detail in error.errors()}))
        message = f"{file}: {keys} missing or not of the right kind; save the model again with save_pretrained()"
        raise LocalError(message) from None


def _check_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        names = ", ".join(_TOKENIZER_FILES)
        raise LocalError(f"{folder}: has no tokenizer (one of {names}); save it there with tokenizer.save_pretrained()")


def _tensors(file: Path) -> Sequence[Tensor]:
    try:
        return list(read_header(file).values())
    except (UnreadableWeightsError, OSError) as error:
        raise LocalError(f"{file}: {error}; copy it again") from None


def _facts(config: _Config, tensors: Sequence[Tensor]) -> ModelFacts:
    bytes_by_dtype = Counter[str]()
    for tensor in tensors:
        bytes_by_dtype[tensor.dtype] += tensor.stored_bytes
    return ModelFacts(
        architecture=config.architectures[0],
        weight_bytes=bytes_by_dtype.total(),
        parameter_count=sum(tensor.elements for tensor in tensors),
        dtype=max(bytes_by_dtype, key=lambda dtype: bytes_by_dtype[dtype]),
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads or config.num_attention_heads,
        head_dim=config.head_dim or config.hidden_size // config.num_attention_heads,
        max_position_embeddings=_context(config),
        vocab_size=config.vocab_size,
        is_quantized=config.quantization_config is not None,
    )


def _context(config: _Config) -> int:
    rope = config.rope or _Rope()
    factor = rope.factor if rope.rope_type in _CONTEXT_SCALING_ROPE_TYPES else None
    return int(config.max_position_embeddings * (factor or 1))
