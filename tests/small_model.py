"""A model folder of a few hundred bytes: complete to every check, and of no use to an engine."""

import json
from pathlib import Path

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "vocab_size": 16,
}


def safetensors(tensors: dict[str, tuple[int, ...]]) -> bytes:
    """A file of 16-bit tensors, byte for byte as the format's definition has it."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (rows, columns) in tensors.items():
        end = offset + 2 * rows * columns
        header[name] = {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [offset, end]}
        offset = end
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(offset)


def change_config(folder: Path, **changes: object) -> None:
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not ...}
    (folder / "config.json").write_text(json.dumps(config))


def write_small_model(folder: Path, **changes: object) -> Path:
    """Makes the folder; `changes` are keys of config.json."""
    folder.mkdir()
    change_config(folder, **changes)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors({"embed": (16, 8), "norm": (1, 8)}))
    return folder
