"""The tokenizer of a GGUF file, as a `tokenizer.json`.

A GGUF file names the way its text is cut before the vocabulary is looked up (`tokenizer.ggml.pre`) and leaves
the rules to its readers; they are those of llama.cpp, `src/llama-vocab.cpp`. A reader that takes the wrong
ones still works, on tokens that the model has rarely seen: SmolLM2 spells numbers digit by digit, GPT-2 does
not. So an unknown name is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["tokenizer_files"]

Json = dict[str, Any]

_CONTROL, _USER_DEFINED = 3, 4  # token types of the format

_GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_BYTES_ONLY = {**_GPT2, "use_regex": False}
_DIGIT_BY_DIGIT = {"type": "Digits", "individual_digits": True}
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{numbers}"
    r"| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _split(numbers: str) -> Json:
    pattern = {"Regex": _WORDS.format(numbers=numbers)}
    return {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


_CUTS: dict[str, list[Json]] = {
    "gpt-2": [_GPT2],
    "smollm": [_DIGIT_BY_DIGIT, _GPT2],
    "starcoder": [_DIGIT_BY_DIGIT, _GPT2],
    "refact": [_DIGIT_BY_DIGIT, _GPT2],
    "command-r": [_DIGIT_BY_DIGIT, _GPT2],
    "qwen2": [_split(r"\p{N}"), _BYTES_ONLY],
    "llama-bpe": [_split(r"\p{N}{1,3}"), _BYTES_ONLY],
}


def tokenizer_files(fields: Mapping[str, Any]) -> tuple[Json, Json]:
    """Return `tokenizer.json` and `tokenizer_config.json` for the metadata of a GGUF file."""
    kind = f"{fields.get('tokenizer.ggml.model')}/{fields.get('tokenizer.ggml.pre', 'gpt-2')}"
    cut = _CUTS.get(fields.get("tokenizer.ggml.pre", "gpt-2"))
    if fields.get("tokenizer.ggml.model") != "gpt2" or cut is None:
        raise UserMistake(
            f"GGUF files with these tokenizers can be read: {', '.join(sorted(_CUTS))}",
            f"this one has {kind}",
            "give the model as a folder with safetensors and tokenizer.json",
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    bos = _token(fields, "bos") if fields.get("tokenizer.ggml.add_bos_token") else None
    description = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added_tokens(tokens, fields["tokenizer.ggml.token_type"]),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": cut},
        "post_processor": _begins_with(bos, tokens) if bos else None,
        "decoder": _GPT2,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": fields.get("tokenizer.ggml.pre") == "llama-bpe",
            "vocab": {token: id_ for id_, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in fields["tokenizer.ggml.merges"]],
        },
    }
    return description, _settings(fields, bos)


def _settings(fields: Mapping[str, Any], bos: str | None) -> Json:
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    special = {name: _token(fields, gguf_name) for name, gguf_name in names.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": bos is not None,
        "clean_up_tokenization_spaces": False,
        **{name: token for name, token in special.items() if token is not None},
        **(
            {"chat_template": fields["tokenizer.chat_template"]}
            if "tokenizer.chat_template" in fields
            else {}
        ),
    }


def _token(fields: Mapping[str, Any], name: str) -> str | None:
    id_ = fields.get(f"tokenizer.ggml.{name}_token_id")
    return None if id_ is None else str(fields["tokenizer.ggml.tokens"][id_])


def _added_tokens(tokens: list[str], types: list[int]) -> list[Json]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": id_, "content": token, **flags, "special": kind == _CONTROL}
        for id_, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in (_CONTROL, _USER_DEFINED)
    ]


def _begins_with(token: str, tokens: list[str]) -> Json:
    first = {"SpecialToken": {"id": token, "type_id": 0}}
    text, second = ({"Sequence": {"id": name, "type_id": number}} for number, name in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [first, text],
        "pair": [first, text, second],
        "special_tokens": {token: {"id": token, "ids": [tokens.index(token)], "tokens": [token]}},
    }
