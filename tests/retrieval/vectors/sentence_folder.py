"""A tiny model of sentences as sentence-transformers saves one, the same on every machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 8
WORDS = [
    *("def", "return", "if", "is", "a", "the", "list", "of", "file"),
    *("open", "read", "close", "parse", "string", "query", ":", "not"),
]
TEXTS = (
    "def parse file",
    "is the list of file not close ? " * 9,  # longer than the model reads
    "",
    "  open \n\n read  ",
)


def write_sentence_folder(folder: Path, pooling: dict[str, Any], *, dense: bool = False) -> None:
    """Write a BERT of two layers that reads 24 tokens, its weights a formula, and its pooling."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    pieces += [letter for letter in letters if letter not in WORDS] + [f"##{letter}" for letter in letters]
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=32,
    )
    model = BertModel(config)
    with torch.no_grad():
        for number, weights in enumerate(model.parameters()):
            places = torch.arange(weights.numel(), dtype=torch.float64)
            noise = torch.sin(places * 12.9898 + number * 78.233) * 43_758.5453
            weights.copy_((noise - noise.floor() - 0.5).reshape(weights.shape))
    model.save_pretrained(folder)
    _write(folder / "tokenizer.json", _tokenizer(pieces))
    _write(
        folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    )
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    _write(folder / "config_sentence_transformers.json", {"prompts": {"query": "query: ", "document": ""}})
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else []), "Normalize"]
    _write(
        folder / "modules.json",
        [
            {
                "idx": n,
                "name": str(n),
                "path": f"{n}_{kind}" if n else "",
                "type": f"sentence_transformers.models.{kind}",
            }
            for n, kind in enumerate(kinds)
        ],
    )
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": SIZE, **pooling})
    if dense:
        tanh = "torch.nn.modules.activation.Tanh"
        settings = {"in_features": SIZE, "out_features": 4, "bias": True, "activation_function": tanh}
        _write(folder / "2_Dense" / "config.json", settings)
        weight = torch.sin(torch.arange(4.0 * SIZE)).reshape(4, SIZE)
        save_file(
            {"linear.weight": weight, "linear.bias": torch.ones(4) / 4},
            folder / "2_Dense" / "model.safetensors",
        )


def _tokenizer(pieces: list[str]) -> dict[str, Any]:
    special = [
        {"id": number, "content": pieces[number], "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for number in range(4)
    ]
    ends = {name: {"id": name, "ids": [pieces.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    single = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": ends,
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {piece: number for number, piece in enumerate(pieces)},
        },
    }


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
