"""A dataset written for other tools: Parquet, or JSON lines of conversations or of prompts with completions.

    FOLDER/train.parquet, validation.parquet      every row, its tokens and which of them carry loss;
                                                  the same as labels and attention_mask
    FOLDER/train.jsonl, validation.jsonl          of one form
    FOLDER/train-completion.jsonl, ...            beside `messages`: the rows that are no conversations
    FOLDER/dataset_info.json                      for LLaMA-Factory
    FOLDER/README.md                              the lines of configuration of each tool

A conversation is read back from its tokens: put through the chat template again it must give the same
tokens, so that nothing is guessed. What another tool cannot be told is left out and counted: a row whose loss
is taken off code in its middle, because that code is known to be wrong, would teach it. Parquet has those
rows too, with their masks.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from inhouse.datasets.exported import README, dataset_info, write_readme
from inhouse.errors import UserMistake
from inhouse.shards import replace_file, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self, TextIO

    import pyarrow as pa
    import pyarrow.parquet as pq

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["FORMATS", "Conversations", "Form", "Format", "export_rows", "row_form"]

Format = Literal["parquet", "messages", "completion"]
FORMATS: tuple[Format, ...] = ("parquet", "messages", "completion")

PROMPTED = frozenset(["change", "infill", "retrieval"])
"""Kinds whose context is part of the task, even where it is nothing but markers."""

_USER, _ANSWER = "what-the-user-says", "what-is-answered"  # stand in for words in a rendered template
_UNTOLD = "loss is taken off code inside it, which only Parquet can tell"
_NO_LOSS = -100
_BATCH = 1_000  # rows of a Parquet file in memory at once


class Form(NamedTuple):
    """A row as other tools read it: a conversation has `messages`, and every row a prompt and completion."""

    prompt: str  # "" for plain text
    completion: str
    messages: tuple[tuple[str, str], ...] = ()  # role and content


class Conversations:
    """Reads conversations of one question and its answer back from the rows that they became."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._head = self._between = self._close = ""
        if tokenizer.has_chat_template:
            ids, _ = tokenizer.chat_example(_turns(_USER, _ANSWER))
            self._head, _, rest = tokenizer.decode(ids, markers=True).partition(_USER)
            self._between, _, self._close = rest.partition(_ANSWER)

    def read(self, row: Example) -> tuple[str, str, tuple[bool, ...]] | None:
        """Return question, answer and the mask of the template; None for what is no such conversation."""
        text = row.text
        if not self._between or not (text.startswith(self._head) and text.endswith(self._close)):
            return None
        text = text[len(self._head) : len(text) - len(self._close)]
        end = text.find(self._between)
        while end >= 0:
            question, answer = text[:end], text[end + len(self._between) :]
            ids, trained = self._rendered(question, answer)
            if ids == row.input_ids:
                return question, answer, trained
            end = text.find(self._between, end + 1)
        return None

    def _rendered(self, question: str, answer: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        try:
            ids, trained = self._tokenizer.chat_example(_turns(question, answer))
        except UserMistake:  # a template may refuse words
            return (), ()
        return tuple(ids), tuple(trained)


def row_form(
    row: Example, tokenizer: Tokenizer, conversations: Conversations, paths: Iterable[str]
) -> Form | None:
    """Return a row as other tools read it; None when they could not be told where it carries no loss.

    `paths` are those of the row's lineage: a run of tokens without loss that ends with one is a marker.
    """
    if True not in row.trained:
        return None
    found = conversations.read(row)
    if found is not None:
        question, answer, trained = found
        if trained != row.trained:
            return None
        return _cut(row, tokenizer)._replace(messages=(("user", question), ("assistant", answer)))
    if row.kind not in PROMPTED and _is_plain(row, tokenizer, paths):
        return Form("", row.text)
    first = row.trained.index(True)
    return _cut(row, tokenizer) if all(row.trained[first:]) else None


def export_rows(
    rows: Iterable[Example],
    tokenizer: Tokenizer,
    places: Mapping[str, str],
    form: Format,
    folder: Path,
    name: str = "dataset",
) -> dict[str, Any]:
    """Write rows into `folder` and return the files with their numbers of rows, and what was left out.

    `places` are those of lineage, as PATH@COMMIT. A folder with anything but an earlier export is refused.
    """
    _check_folder(folder)
    conversations = Conversations(tokenizer)
    left_out: Counter[str] = Counter()
    with ExitStack() as stack:
        files = _Files(folder, _ParquetFile if form == "parquet" else _JsonFile, stack)
        for row in rows:
            lineage = [places.get(each, each) for each in row.lineage]
            paths = [place.rpartition("@")[0] for place in lineage]
            found = row_form(row, tokenizer, conversations, paths)
            if found is None and form != "parquet":
                left_out[_UNTOLD] += 1
                continue
            files.add(_file_name(row, found, form), _values(row, found, lineage, form))
    counts = {name: file.rows for name, file in sorted(files.open.items())}
    if not counts:
        raise UserMistake("an export needs rows", "the dataset has none", "build it with other settings")
    write_json(folder / "dataset_info.json", dataset_info(list(counts), name, form))
    write_readme(folder / README, counts, dict(left_out), name, form)
    return {"format": form, "folder": str(folder), "files": counts, "left_out": dict(left_out)}


# ------------------------------------------------------------------ rows


def _turns(question: str, answer: str) -> list[Any]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _cut(row: Example, tokenizer: Tokenizer) -> Form:
    """Return what stands before the first token with loss, and all up to the last."""
    first = row.trained.index(True)
    last = len(row.trained) - row.trained[::-1].index(True)
    ids = row.input_ids
    return Form(tokenizer.decode(ids[:first], markers=True), tokenizer.decode(ids[first:last], markers=True))


def _is_plain(row: Example, tokenizer: Tokenizer, paths: Iterable[str]) -> bool:
    """Tell whether nothing carries no loss but markers: then a row is text, to be learnt as a whole."""
    ends = tuple(path for path in paths if path)
    runs: list[list[int]] = [[]]
    for id_, trained in zip(row.input_ids, row.trained, strict=True):
        if not trained:
            runs[-1].append(id_)
        elif runs[-1]:
            runs.append([])
    return all(_is_marker(run, tokenizer, ends) for run in runs if run)


def _is_marker(run: list[int], tokenizer: Tokenizer, ends: tuple[str, ...]) -> bool:
    text = tokenizer.decode(run).rstrip("\n")
    return not text or bool(ends and text.endswith(ends))


def _file_name(row: Example, found: Form | None, form: Format) -> str:
    if form == "parquet":
        return f"{row.split}.parquet"
    beside = form == "messages" and found is not None and not found.messages
    return f"{row.split}-completion.jsonl" if beside else f"{row.split}.jsonl"


def _values(row: Example, found: Form | None, lineage: list[str], form: Format) -> dict[str, Any]:
    prompt, completion, turns = found or (None, None, ())
    messages = [{"role": role, "content": content} for role, content in turns]
    words = {"prompt": prompt, "completion": completion}
    start = {"id": row.id, "kind": row.kind}
    end = {"weight": row.weight, "lineage": lineage}
    if form == "parquet":
        tokens = {"input_ids": list(row.input_ids), "trained": list(row.trained), **_labels(row)}
        whole = {"split": row.split, "text": row.text, **words, "messages": messages or None}
        return {**start, **whole, **tokens, **end}
    return {**start, **({"messages": messages} if form == "messages" and messages else words), **end}


def _labels(row: Example) -> dict[str, list[int]]:
    """Return a row's tokens as transformers counts loss on them: nothing is hidden, -100 carries none."""
    labels = [id_ if trained else _NO_LOSS for id_, trained in zip(row.input_ids, row.trained, strict=True)]
    return {"attention_mask": [1] * len(labels), "labels": labels}


# ------------------------------------------------------------------ files


class _File(Protocol):
    rows: int

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def add(self, values: dict[str, Any]) -> None: ...


@dataclass
class _Files:
    """The files of an export, each opened when its first row comes."""

    folder: Path
    make: Callable[[Path], _File]
    stack: ExitStack

    def __post_init__(self) -> None:
        self.open: dict[str, _File] = {}

    def add(self, name: str, values: dict[str, Any]) -> None:
        if name not in self.open:
            self.open[name] = self.stack.enter_context(self.make(self.folder / name))
        self.open[name].add(values)


class _JsonFile:
    """JSON lines, whole or absent."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._path, self._temporary = path, path.with_name(path.name + ".tmp")
        self._stream: TextIO = self._temporary.open("w", encoding="utf-8", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if kind is None:
            replace_file(self._temporary, self._path)

    def add(self, values: dict[str, Any]) -> None:
        self._stream.write(json.dumps(values, ensure_ascii=False) + "\n")
        self.rows += 1


class _ParquetFile:
    """A Parquet file (zstd), whole or absent, a batch in memory at a time."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._path, self._temporary = path, path.with_name(path.name + ".tmp")
        self._waiting: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()
        if kind is None:
            replace_file(self._temporary, self._path)

    def add(self, values: dict[str, Any]) -> None:
        self._waiting.append(values)
        self.rows += 1
        if len(self._waiting) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, _schema(), compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=_schema()))
        self._waiting = []


def _schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.large_string()
    turn = pa.struct([("role", text), ("content", text)])
    return pa.schema(
        [(name, text) for name in ("id", "kind", "split", "text", "prompt", "completion")]
        + [
            ("messages", pa.list_(turn)),
            ("input_ids", pa.list_(pa.int64())),
            ("trained", pa.list_(pa.bool_())),
            ("attention_mask", pa.list_(pa.int8())),
            ("labels", pa.list_(pa.int64())),
            ("weight", pa.float64()),
            ("lineage", pa.list_(text)),
        ]
    )


def _check_folder(folder: Path) -> None:
    """Make the folder, or take the files of an earlier export out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(path.name for path in folder.iterdir())
    ours = [name for name in found if name.endswith((".jsonl", ".parquet", ".tmp"))]
    if found and (README not in found or set(found) != {README, "dataset_info.json", *ours}):
        raise UserMistake(
            "an export goes into a folder of its own", f"{folder} has other files", "name another with --to"
        )
    for name in found:
        (folder / name).unlink()
