"""A GGUF file to a folder of safetensors, configuration and tokenizer.

Quantized weights are spelled out: exactly, in float32, up to a billion weights; larger models are rounded to
bfloat16, in which a GPU would compute anyway. The same file gives the same bytes every time. What cannot be
carried over exactly (another architecture, a scaled rotary embedding, an unknown tokenizer) is refused.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.models.cache import check_space
from inhouse.models.gguf_tokenizer import tokenizer_files
from inhouse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import torch
    from gguf import GGUFReader

__all__ = ["convert_gguf", "is_gguf", "write_tokenizer"]

_EXACT_UP_TO = 1_000_000_000  # weights
_BYTES = {"float32": 4, "bfloat16": 2}

_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
_OUTSIDE = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


def is_gguf(path: Path) -> bool:
    """Tell whether a file begins as GGUF files do."""
    with path.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def convert_gguf(source: Path, folder: Path, progress: Progress | None = None) -> str:
    """Write the model of a GGUF file into an existing folder; return the licence that it declares."""
    from safetensors.torch import save_file

    reader = _open(source)
    fields = _fields(reader)
    shapes = {tensor.name: tuple(map(int, tensor.shape)) for tensor in reader.tensors}
    if "general.architecture" not in fields or "token_embd.weight" not in shapes:
        raise _damaged(source)
    config = _config(fields, shapes)
    files = _tokenizer(fields) | {
        "config.json": config,
        "generation_config.json": _generation_config(config, fields),
    }
    check_space(folder, sum(int(tensor.n_elements) for tensor in reader.tensors) * _BYTES[config["dtype"]])
    weights = _weights(reader, config, progress or Progress.silent())
    _check_weights(weights, config, source)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return _written(folder, files, fields)


def write_tokenizer(source: Path, folder: Path) -> str:
    """Write the tokenizer of a GGUF file alone into an existing folder; return the licence that it declares.

    Without weights this takes a second, and neither torch nor room.
    """
    fields = _fields(_open(source))
    if "tokenizer.ggml.tokens" not in fields:
        raise _damaged(source)
    return _written(folder, _tokenizer(fields), fields)


def _fields(reader: GGUFReader) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _tokenizer(fields: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(("tokenizer.json", "tokenizer_config.json"), tokenizer_files(fields), strict=True))


def _written(folder: Path, files: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Write JSON files and return the licence of the model."""
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return str(fields.get("general.license", ""))


def _open(source: Path) -> GGUFReader:
    from gguf import GGUFReader

    try:
        return GGUFReader(source)
    except (
        ValueError,
        IndexError,
        KeyError,
        OverflowError,
        UnicodeDecodeError,
    ):  # it has no error of its own
        raise _damaged(source) from None


def _damaged(source: Path) -> UserMistake:
    return UserMistake(
        "a GGUF file must be whole", f"{source} is cut short or damaged", "download or copy it again"
    )


# ------------------------------------------------------------------ configuration


def _config(fields: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return `config.json`. Shapes are (columns, rows), as the format counts them."""
    kind = fields["general.architecture"]
    if kind not in _ARCHITECTURES:
        raise _unreadable(f"the architecture {kind}; {', '.join(_ARCHITECTURES)} can be read")
    if "rope_freqs.weight" in shapes or fields.get(f"{kind}.rope.scaling.type", "none") != "none":
        raise _unreadable("a scaled rotary embedding")

    def field(name: str, default: Any = None) -> Any:
        return fields.get(f"{kind}.{name}", default)

    heads = field("attention.head_count")
    dtype = "float32" if sum(map(math.prod, shapes.values())) <= _EXACT_UP_TO else "bfloat16"
    config = {
        "architectures": [_ARCHITECTURES[kind]],
        "model_type": kind,
        "dtype": dtype,
        "vocab_size": shapes["token_embd.weight"][1],
        "hidden_size": field("embedding_length"),
        "intermediate_size": field("feed_forward_length"),
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("attention.head_count_kv", heads),
        "head_dim": field("attention.key_length", field("embedding_length") // heads),
        "hidden_act": "silu",
        "max_position_embeddings": field("context_length"),
        "rms_norm_eps": _shortest(field("attention.layer_norm_rms_epsilon")),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": _shortest(field("rope.freq_base", 10000.0)),
        },
        "attention_bias": kind == "llama" and "blk.0.attn_q.bias" in shapes,
        "tie_word_embeddings": "output.weight" not in shapes,
    }
    for name, gguf_name in (("bos_token_id", "bos"), ("eos_token_id", "eos")):
        config[name] = fields.get(f"tokenizer.ggml.{gguf_name}_token_id")
    return config


def _generation_config(config: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    ends = {config["eos_token_id"], fields.get("tokenizer.ggml.eot_token_id")} - {None}
    return {"bos_token_id": config["bos_token_id"], "eos_token_id": sorted(ends)}


def _shortest(value: float) -> float:
    """Return the shortest number that the file's float32 can mean: 1e-05, not 9.999999747378752e-06."""
    import numpy as np

    return float(str(np.float32(value)))


# ------------------------------------------------------------------ weights


def _weights(reader: GGUFReader, config: Mapping[str, Any], progress: Progress) -> dict[str, torch.Tensor]:
    import torch
    from gguf.quants import dequantize

    dtype = getattr(torch, config["dtype"])
    weights = {}
    with progress.task(
        "converting the base model", sum(t.n_elements for t in reader.tensors), "weights"
    ) as task:
        for tensor in reader.tensors:
            values = dequantize(tensor.data, tensor.tensor_type)
            name = _hub_name(tensor.name)
            if config["model_type"] == "llama":
                values = _unpermute(values, name, config)
            weights[name] = torch.tensor(values, dtype=dtype)
            task.advance(int(tensor.n_elements))
    return weights


def _hub_name(name: str) -> str:
    block = _BLOCK.fullmatch(name)
    if block and block[2] in _IN_BLOCK:
        return f"model.layers.{block[1]}.{_IN_BLOCK[block[2]]}.{block[3]}"
    stem, _, kind = name.rpartition(".")
    if stem in _OUTSIDE:
        return f"{_OUTSIDE[stem]}.{kind}"
    raise _unreadable(f"a tensor named {name}")


def _unpermute(values: np.ndarray[Any, Any], name: str, config: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Undo the reordering of rotary rows that llama.cpp does to Llama (interleaved pairs to halves).

    Shapes: (heads * head_dim, columns) -> (heads, head_dim / 2, 2, columns) and the middle ones swapped.
    """
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
    if heads is None:
        return values
    halves = values.reshape(config[heads], config["head_dim"] // 2, 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _check_weights(weights: Mapping[str, torch.Tensor], config: Mapping[str, Any], source: Path) -> None:
    """Compare names and shapes with those of the architecture, built without memory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = {key: value for key, value in config.items() if key != "model_type"}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config["model_type"], **settings))
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if config["tie_word_embeddings"]:
        wanted.pop("lm_head.weight")
    wrong = {name: tuple(value.shape) for name, value in weights.items()}.items() ^ wanted.items()
    if wrong:
        raise _unreadable(f"other weights than its architecture has, such as {min(wrong)[0]}, in {source}")


def _unreadable(what: str) -> UserMistake:
    return UserMistake(
        "this GGUF file cannot be carried over exactly",
        f"it has {what}",
        "give the model as a folder with safetensors",
    )
