"""Text to tokens and back, without loss and without ever reading a marker in the words of users.

A *marker* is an added token that structures text rather than being text: every token that is flagged special,
and every one written like ``<|this|>``. Markers stand for no text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.models.chat_template import CLOSE, OPEN, ChatTemplate, unescape
from inhouse.models.folder import read_json
from inhouse.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.models.chat_template import Message

__all__ = ["InfillMarks", "Tokenizer", "tokenizer_digest"]

_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_DOCUMENT_ENDS = ("<|endoftext|>", "<|end_of_text|>")
_REPOSITORY_AND_FILE = (("<|repo_name|>", "<|file_sep|>"), ("<repo_name>", "<file_sep>"))
_INFILL = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>"),  # Qwen, StableCode
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"),  # StarCoder, Granite
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<|endoftext|>"),  # SantaCoder
    ("<|fim▁begin|>", "<|fim▁hole|>", "<|fim▁end|>", ""),
    ("<\uff5cfim▁begin\uff5c>", "<\uff5cfim▁hole\uff5c>", "<\uff5cfim▁end\uff5c>", ""),  # DeepSeek
    ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"),  # Code Llama
    ("<PRE>", "<SUF>", "<MID>", "<EOT>"),
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"),  # CodeGemma
    ("[PREFIX]", "[SUFFIX]", "[MIDDLE]", ""),  # Codestral
)
_SPARE = re.compile(
    r"reserved|unused|placeholder|dummy|extra_id"
    r"|<\|?(?:jupyter_\w+|issue_\w+|commit_\w+|gh_stars|empty_output)\|?>",
    re.IGNORECASE,
)
_SHORT = 2_000  # characters
_NEVER_IN_UTF8 = (b"\xff", b"\xfe", b"\xc0", b"\xc1")
_TURNS = (
    {"role": "user", "content": "question"},
    {"role": "assistant", "content": "this is the answer"},
)
_MARK = re.compile(r"<\|[^|<>\s]+\|>")
_SURROGATE = re.compile("[\ud800-\udfff]")


class InfillMarks(NamedTuple):
    """Tokens of a model that was trained to fill gaps."""

    prefix: int
    suffix: int
    middle: int
    end: int  # after the middle


class Tokenizer:
    """The tokenizer of a base model. Made by `load`, never changed afterwards, safe in many threads."""

    digest: str
    """Identity of the files that decide what a text becomes, chat template included."""
    vocabulary_size: int
    """One more than the largest token."""
    eos: int
    """Ends what the model writes."""
    bos: int | None
    """Begins every sequence, if the model was trained so."""
    pad: int
    """Fills rows up. It is no part of documents or conversations, so it never carries loss."""
    document_end: list[int]
    """What closes a document."""
    ends: frozenset[int]
    """Tokens after which the model has finished: of the settings, the chat template and documents."""
    unknown_marks: tuple[str, ...]
    """Marks like ``<|this|>`` that the chat template writes and the vocabulary lacks."""
    missing_bytes: frozenset[int]
    """Bytes that the vocabulary cannot spell: a character that needs one is encoded as U+FFFD."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = read_json(folder / "tokenizer_config.json")
        self._vocabulary = Vocabulary(read_json(folder / "tokenizer.json", required=True))
        self._bytes = self._vocabulary.token_bytes
        self._markers = self._vocabulary.markers
        self._marker_names = {id_: name.encode() for name, id_ in self._markers.items()}
        self._shown = self._bytes | self._marker_names
        self._splitter = re.compile(f"{OPEN}|{CLOSE}|{self._vocabulary.marker_pattern.pattern}")
        self._backend = self._vocabulary.backend()
        self._latest = lru_cache(maxsize=256)(self._encode)  # heads and targets are asked for again at once
        self.missing_bytes = self._vocabulary.missing_bytes
        self._present_bytes = bytes(byte for byte in range(256) if byte not in self.missing_bytes)
        self.digest = tokenizer_digest(folder)
        self.vocabulary_size = max(self._bytes) + 1
        self.bos = self._find_bos(settings)
        self.eos, others = self._find_ends(folder, settings)
        closing = [self._markers[name] for name in _DOCUMENT_ENDS if name in self._markers]
        self.document_end = closing[:1] or [self.eos]
        self._template = self._load_template(folder, settings)
        self.ends = others | self._template_ends() | {*self.document_end}
        self.unknown_marks = self._marks_unknown()
        self.pad = self._choose_pad(settings)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read the tokenizer of a model folder. Raises UserMistake if it cannot spell every text."""
        return cls(folder)

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[Path]]:
        """Read the folder again in another process."""
        return Tokenizer, (self._folder,)

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat` and `chat_example` can be used."""
        return self._template is not None

    @property
    def infill(self) -> InfillMarks | None:
        """The model's own tokens for filling a gap, None when it has none."""
        for *names, end in _INFILL:
            if all(name in self._markers for name in names):
                prefix, suffix, middle = (self._markers[name] for name in names)
                return InfillMarks(prefix, suffix, middle, self._markers.get(end, self.document_end[-1]))
        return None

    @property
    def spare_infill(self) -> InfillMarks | None:
        """Three markers without a part of their own, to be given that of infill; None when there are fewer.

        They are reserved for such a purpose by their names, or made for notebooks, tickets and commits as
        datasets of code hold them: those of SmolLM2 were never trained, their embeddings are alike to .3%.
        """
        taken = {*self._used(), self.pad}
        spare = [id_ for name, id_ in self._markers.items() if _SPARE.search(name) and id_ not in taken]
        if len(spare) < len(InfillMarks._fields) - 1:
            return None
        prefix, suffix, middle = sorted(spare)[:3]
        return InfillMarks(prefix, suffix, middle, self.document_end[-1])

    @property
    def start(self) -> int:
        """The token to put before a text without context: `bos`, or the end of a document before it."""
        return self.document_end[-1] if self.bos is None else self.bos

    # ------------------------------------------------------------------ text

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text in which nothing is a marker, however it looks.

        Lone surrogates, and characters that need one of `missing_bytes`, are encoded as U+FFFD.
        """
        return list(self._latest(text)) if len(text) < _SHORT else self._encode(text)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._backend.encode(self._spellable(text), add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int], *, markers: bool = False) -> str:
        """Return the text that tokens stand for; with `markers`, as it looks to the model."""
        spelled = self._shown if markers else self._bytes
        return b"".join([spelled.get(id_, b"") for id_ in ids]).decode("utf-8", "replace")

    def token_bytes(self, id_: int) -> bytes:
        """Return the UTF-8 bytes of one token, perhaps part of a character; none for a marker."""
        return self._bytes.get(id_, b"")  # models may have more rows than the vocabulary has words

    def byte_lengths(self, ids: Sequence[int]) -> list[int]:
        """Return how many UTF-8 bytes of text each token stands for; 0 for a marker."""
        return [len(self.token_bytes(id_)) for id_ in ids]

    def _spellable(self, text: str) -> str:
        missing = text.encode("utf-8", "surrogatepass").translate(None, self._present_bytes)
        if not missing and not _SURROGATE.search(text):
            return text
        return "".join(self._spellable_character(character) for character in text)

    def _spellable_character(self, character: str) -> str:
        if not _SURROGATE.match(character) and self.missing_bytes.isdisjoint(character.encode()):
            return character
        return "\ufffd" if self.missing_bytes.isdisjoint("\ufffd".encode()) else "?"

    # ------------------------------------------------------------------ documents

    def document(self, *, repository: str, path: str, message: str = "") -> list[int]:
        """Return what stands before the text of a file: its repository, why it was written, its path.

        ::

            <repo_name>NAME      in the model's own markers where it has them, else      Repository: NAME
            Commit: MESSAGE      only with a message                                     Commit: MESSAGE
            <file_sep>PATH                                                               File: PATH
        """
        start = [] if self.bos is None else [self.bos]
        commit = f"Commit: {message.strip()}\n" if message.strip() else ""
        for repository_marker, file_marker in _REPOSITORY_AND_FILE:
            if repository_marker in self._markers and file_marker in self._markers:
                head = [self._markers[repository_marker], *self.encode(f"{repository}\n{commit}")]
                return [*start, *head, self._markers[file_marker], *self.encode(f"{path}\n")]
        return [*start, *self.encode(f"Repository: {repository}\n{commit}File: {path}\n")]

    # ------------------------------------------------------------------ conversations

    def chat(self, messages: Sequence[Message]) -> list[int]:
        """Return a conversation up to where the assistant answers, in the model's own chat template."""
        template = self._need_template()
        try:
            rendered = template.render_marked(messages, prompt=True)
        except UserMistake:  # the answers cannot be told apart, which only training needs
            rendered = template.render(messages, prompt=True)
        return self._encode_rendered(rendered)[0]

    def chat_example(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Return a whole conversation; True on the assistant's tokens and the end mark after them.

        What stands before an answer is exactly `chat` of the messages before it.
        """
        return self._encode_rendered(self._need_template().render_marked(messages))

    def _encode_rendered(self, rendered: str) -> tuple[list[int], list[bool]]:
        ids: list[int] = []
        trained: list[bool] = []
        answering = closing = False
        for piece, marker in self._pieces(rendered):
            if piece in (OPEN, CLOSE):
                closing = answering and piece == CLOSE  # the end mark may stand just outside
                answering = piece == OPEN
                continue
            is_end = marker in self.ends
            new = self.encode(unescape(piece)) if marker is None else [marker]
            ids += new
            trained += [answering or (closing and is_end)] * len(new)
            answering = answering and not is_end
            closing = False
        return ids, trained

    def _pieces(self, rendered: str) -> Iterator[tuple[str, int | None]]:
        """Yield OPEN, CLOSE, markers with their token, and the text between them."""
        end = 0
        for match in self._splitter.finditer(rendered):
            if match.start() > end:
                yield rendered[end : match.start()], None
            yield match[0], self._markers.get(match[0]) or self._markers.get(match[0].strip())
            end = match.end()
        if end < len(rendered):
            yield rendered[end:], None

    def _need_template(self) -> ChatTemplate:
        if self._template is None:
            raise UserMistake("this model has no chat template", "", "use an instruction-tuned base model")
        return self._template

    # ------------------------------------------------------------------ loading

    def _load_template(self, folder: Path, settings: dict[str, Any]) -> ChatTemplate | None:
        source = settings.get("chat_template")
        if isinstance(source, list):  # several, by name
            source = next((entry["template"] for entry in source if entry["name"] == "default"), None)
        path = folder / "chat_template.jinja"
        if path.exists():
            source = path.read_text(encoding="utf-8")
        if not source:
            return None
        names = ("bos_token", "eos_token", "pad_token", "unk_token")
        variables = {name: _content(settings.get(name)) for name in names}
        return ChatTemplate(source, variables, self._markers)

    def _find_bos(self, settings: dict[str, Any]) -> int | None:
        if settings.get("add_bos_token") is False:
            return None
        if settings.get("add_bos_token"):
            return self._markers.get(_content(settings.get("bos_token")))
        return self._vocabulary.first_token()

    def _find_ends(self, folder: Path, settings: dict[str, Any]) -> tuple[int, frozenset[int]]:
        files = [read_json(folder / name) for name in ("generation_config.json", "config.json")]
        listed = [_listed(file.get("eos_token_id")) for file in files]
        ends = listed[0] or listed[1]
        eos = self._markers.get(_content(settings.get("eos_token")))
        if eos is None and not ends:
            raise UserMistake(
                "a model must name the token that ends a text",
                str(folder),
                "add eos_token to its tokenizer_config.json",
            )
        eos = ends[0] if eos is None else eos
        return eos, frozenset([eos, *ends])

    def _template_ends(self) -> frozenset[int]:
        """Return the end mark of the chat template, which the files of many models forget to list."""
        if self._template is None:
            return frozenset()
        try:
            rendered = self._template.render(_TURNS, prompt=False)
        except UserMistake:
            return frozenset()
        _, _, after = rendered.partition(_TURNS[1]["content"])
        mark = self._splitter.match(after.lstrip(f"{CLOSE} \n"))
        end = self._markers.get(mark[0].strip()) if mark is not None else None
        return frozenset() if end is None else frozenset([end])

    def _marks_unknown(self) -> tuple[str, ...]:
        """Return what the chat template writes like a marker, and the vocabulary spells in pieces."""
        if self._template is None:
            return ()
        try:
            rendered = self._template.render(_TURNS, prompt=True)
        except UserMistake:
            return ()
        return tuple(dict.fromkeys(mark for mark in _MARK.findall(rendered) if mark not in self._markers))

    def _choose_pad(self, settings: dict[str, Any]) -> int:
        """Prefer the declared one, then an unused marker, then a byte that no text contains."""
        used = self._used()
        declared = self._markers.get(_content(settings.get("pad_token")))
        if declared is not None and declared not in used:
            return declared
        spare = [id_ for id_ in self._markers.values() if id_ not in used]
        named_so = [id_ for name, id_ in self._markers.items() if "pad" in name and id_ in spare]
        spelled = {spelling: id_ for id_, spelling in self._bytes.items() if spelling in _NEVER_IN_UTF8}
        candidates = [*named_so, *spare, *spelled.values()]
        if not candidates:
            raise UserMistake("a tokenizer needs a token that can stand for nothing", "", "add a pad token")
        return candidates[0]

    def _used(self) -> set[int | None]:
        """Return the markers that have a part already: ends, documents, and those of the chat template."""
        template = self._template.source if self._template is not None else ""
        used = {self.bos, self.eos, *self.document_end, *self.ends}
        used |= {self._markers.get(name) for pair in _REPOSITORY_AND_FILE for name in pair}
        return used | {id_ for name, id_ in self._markers.items() if name in template}


def tokenizer_digest(folder: Path) -> str:
    """Return the identity of the tokenizer in a model folder."""
    return digest_json({name: digest_file(folder / name) for name in _FILES if (folder / name).exists()})


def _content(token: Any) -> str:
    """Return the text of a token as settings write it: a string, a mapping or null."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _listed(value: int | list[int] | None) -> list[int]:
    return [] if value is None else [value] if isinstance(value, int) else list(value)
