"""What the tokens of a `tokenizer.json` stand for, byte by byte.

Two kinds of vocabulary can spell every text, and are accepted:

    byte-level      GPT-2, Llama 3, Qwen, SmolLM: each character of a token's name stands for one byte
    byte fallback   SentencePiece in Llama 2, Mistral, Gemma: "▁" is a space, <0x0A> is one byte
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tokenizers import Tokenizer as Backend

__all__ = ["Vocabulary", "byte_alphabet"]

Json = dict[str, Any]

_LOOKS_LIKE_MARKER = re.compile(r"<([|\uff5c]).*\1>")
_ONE_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "▁"
_DROPPED_NORMALIZERS = ("Prepend", "NFC", "NFKC")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their meaning. `description` is the parsed `tokenizer.json`."""

    description: Json

    @cached_property
    def byte_level(self) -> bool:
        """True for byte-level, False for byte fallback. Raises UserMistake for one that loses text."""
        kinds = {step["type"] for step in _steps(self.description.get("pre_tokenizer"), "pretokenizers")}
        kinds |= {step["type"] for step in _steps(self.description.get("decoder"), "decoders")}
        if "ByteLevel" in kinds:
            return True
        if self.description["model"].get("byte_fallback"):
            return False
        raise UserMistake(
            "a tokenizer must be able to spell every text (byte-level, or with byte fallback)",
            f"tokenizer.json of type {self.description['model'].get('type', 'unknown')}",
            "use another base model",
        )

    @cached_property
    def markers(self) -> dict[str, int]:
        """Tokens that structure text rather than being text, by name, and their ids."""
        return {token["content"]: token["id"] for token in self._added() if _is_marker(token)}

    @cached_property
    def marker_pattern(self) -> re.Pattern[str]:
        """Matches a marker, with the white space that it swallows."""
        tokens = sorted((token for token in self._added() if _is_marker(token)), key=_longest_first)
        matches = (
            (r"\s*" if token.get("lstrip") else "")
            + re.escape(token["content"])
            + (r"\s*" if token.get("rstrip") else "")
            for token in tokens
        )
        return re.compile("|".join(matches) or r"(?!)")

    @cached_property
    def token_bytes(self) -> dict[int, bytes]:
        """The UTF-8 bytes that each token stands for; none for a marker."""
        spell = _byte_level_speller() if self.byte_level else _spell_byte_fallback
        table = {id_: spell(name) for name, id_ in self._names()}
        for token in self._added():
            table[token["id"]] = b"" if _is_marker(token) else token["content"].encode()
        return table

    @cached_property
    def missing_bytes(self) -> frozenset[int]:
        """Bytes that no token stands for alone, so that some characters cannot be spelled."""
        names = {name for name, _ in self._names()}
        if self.byte_level:
            return frozenset(byte for letter, byte in byte_alphabet().items() if letter not in names)
        return frozenset(byte for byte in range(256) if f"<0x{byte:02X}>" not in names)

    def backend(self) -> Backend:
        """Return an encoder for the words of users.

        What tokenizer files do to text before they look words up (Unicode normalisation, a space or a token
        put in front) is left out: code has to come back as it went in. Markers are read as words.
        """
        from tokenizers import Tokenizer as Backend

        changed = {
            **self.description,
            "normalizer": _without_changes(self.description.get("normalizer")),
            "pre_tokenizer": _without_prefix(self.description.get("pre_tokenizer")),
            "post_processor": None,
            "truncation": None,
            "padding": None,
            "added_tokens": [{**token, "special": _is_marker(token)} for token in self._added()],
        }
        backend = Backend.from_str(json.dumps(changed))
        backend.encode_special_tokens = True
        return backend

    def first_token(self) -> int | None:
        """Return the token that the tokenizer itself puts before every text, if any."""
        processor = self.description.get("post_processor")
        for step in _steps(processor, "processors"):
            template = step.get("single") or []
            if step["type"] == "TemplateProcessing" and template and "SpecialToken" in template[0]:
                name = template[0]["SpecialToken"]["id"]
                return int(step["special_tokens"][name]["ids"][0])
        return None

    def _added(self) -> list[Json]:
        return self.description.get("added_tokens") or []

    def _names(self) -> Iterator[tuple[str, int]]:
        words = self.description["model"]["vocab"]
        if isinstance(words, dict):
            yield from words.items()
        else:  # Unigram: pairs of name and score, in order
            yield from ((name, id_) for id_, (name, _) in enumerate(words))


def byte_alphabet() -> dict[str, int]:
    """Return the byte that each character of a byte-level token name stands for.

    Printable Latin-1 characters stand for themselves; the other 68 bytes take the characters from U+0100 on
    (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _byte_level_speller() -> Callable[[str], bytes]:
    alphabet = byte_alphabet()

    def spell(name: str) -> bytes:
        try:
            return bytes(alphabet[letter] for letter in name)
        except KeyError:  # a word added by hand, outside the alphabet
            return name.encode()

    return spell


def _spell_byte_fallback(name: str) -> bytes:
    byte = _ONE_BYTE.fullmatch(name)
    return bytes([int(byte[1], 16)]) if byte else name.replace(_SPACE, " ").encode()


def _is_marker(token: Json) -> bool:
    return bool(token.get("special")) or _LOOKS_LIKE_MARKER.fullmatch(token["content"]) is not None


def _longest_first(token: Json) -> tuple[int, str]:
    return -len(token["content"]), token["content"]


def _steps(part: Json | None, inner: str) -> list[Json]:
    """Return the steps of a normalizer, pre-tokenizer, processor or decoder, sequences unrolled."""
    if part is None:
        return []
    if part["type"] == "Sequence":
        return [step for nested in part[inner] for step in _steps(nested, inner)]
    return [part]


def _without_changes(normalizer: Json | None) -> Json | None:
    kept = []
    for step in _steps(normalizer, "normalizers"):
        if step["type"] == "Replace" and step["content"] == _SPACE:
            kept.append(step)
        elif step["type"] not in _DROPPED_NORMALIZERS:
            raise UserMistake(
                "a tokenizer must give text back unchanged",
                f"tokenizer.json with the normalizer {step['type']}",
                "use another base model",
            )
    return {"type": "Sequence", "normalizers": kept} if kept else None


def _without_prefix(pre_tokenizer: Json | None) -> Json | None:
    steps: list[Json] = []
    for step in _steps(pre_tokenizer, "pretokenizers"):
        if step["type"] == "ByteLevel":
            steps.append({**step, "add_prefix_space": False})
        elif step["type"] == "Metaspace":
            steps.append({**step, "prepend_scheme": "never"})
        else:
            steps.append(step)
    return {"type": "Sequence", "pretokenizers": steps} if steps else None
