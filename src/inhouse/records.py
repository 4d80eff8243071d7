"""The nouns of the house: frozen records that rooms hand to each other, with no behaviour.

Identity: a *document* is its content (a git object id, or a SHA-256 for other sources). An *occurrence* is
that content at one place; copies elsewhere are occurrences of their own, so that lineage never forgets one.
Dates are seconds since the epoch, UTC, of the committer. Lines are counted from 1, ends are inclusive; byte
spans are half-open offsets into the UTF-8 of the (redacted) text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Change",
    "Chunk",
    "Commit",
    "Document",
    "Edge",
    "Example",
    "Finding",
    "Hit",
    "Hunk",
    "Item",
    "Occurrence",
    "Recipe",
    "Reference",
    "Score",
    "Split",
    "Symbol",
    "Tag",
    "TreeEntry",
]


# ------------------------------------------------------------------ sources


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit without its words: the message stays in git until hygiene has read it."""

    id: str
    parents: tuple[str, ...]
    date: int
    mainline: bool  # on the first-parent chain of the tip
    boundary: bool = False  # a shallow clone ends here: its parents, and so its diff, are missing


@dataclass(frozen=True, slots=True)
class Tag:
    """A name that a repository gave to a commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """A changed run of lines, as `git diff --unified=0` counts them."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one path, against its first parent. Ids are empty where a side is absent."""

    commit: str
    status: str  # A added, M modified, D deleted, R renamed, C copied, T type changed
    path: str
    old_path: str
    document: str
    old_document: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file in the tree of a revision."""

    revision: str
    path: str
    document: str
    size: int
    mode: str  # git's: 100644, 100755, 120000 (symbolic link), 160000 (submodule)


# ------------------------------------------------------------------ hygiene


@dataclass(frozen=True, slots=True)
class Document:
    """One immutable piece of material, after redaction. Redaction never changes the number of lines."""

    digest: str
    text: str
    redactions: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A document at one place. `removed` is the reason why it is not trained on, or ""."""

    id: str
    source: str
    kind: str  # "file" (in a tree), "version" (only in history), "message" (of a commit; path is "")
    path: str
    revision: str
    document: str
    date: int
    size: int
    removed: str
    forbids: tuple[str, ...]  # a subset of ("train", "index", "serve")


@dataclass(frozen=True, slots=True)
class Finding:
    """What hygiene saw, and where. It never holds the value that it saw."""

    occurrence: str
    category: str  # secret, duplicate, generated, vendored, minified, data, binary, huge, encoding, link, ...
    rule: str
    line: int
    start: int
    end: int
    verdict: str  # "keep", "redact" or "remove"
    detail: str


# ------------------------------------------------------------------ retrieval


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition."""

    path: str
    name: str
    qualified_name: str  # Class.method; the file's own scope has no prefix
    kind: str  # function, method, class, struct, enum, union, interface, trait, impl, type, macro, ...
    start_line: int
    end_line: int
    start: int
    end: int
    signature: str  # one line, without the body
    docstring: str  # or the comment that stands directly above
    body: int  # byte offset where the body begins, after signature and docstring; `end` when there is none


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a file with what is needed to read it alone."""

    path: str
    language: str
    symbol: str  # qualified name, "" for text between definitions
    scope: tuple[str, ...]  # signatures of the enclosing definitions, outermost first
    imports: tuple[str, ...]  # the file's import lines that this span uses
    start_line: int
    end_line: int
    start: int
    end: int
    text: str
    defines: tuple[str, ...] = ()  # qualified names of the definitions that begin here
    tokens: int = 0  # of the text, as the chunker's counter counts them


class Reference(NamedTuple):
    """A name that a file uses and that may be defined elsewhere."""

    path: str
    scope: str  # qualified name of the definition around it, "" at the file's own level
    kind: (
        str  # call, inherit, import, read (of a configuration key), type, bind, export (`languages.Mention`)
    )
    name: str  # as written: "self.close", "Base", the module of an import, the key
    bound: tuple[tuple[str, str], ...]  # of an import: (name here, name there; "" for the module itself);
    # of a call, a type or a bind: the variable that it tells of
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edge:
    """One definition (or file) that depends on another, how sure that is, and by which rule."""

    kind: str  # calls, inherits, imports, tests, reads, uses (as a type)
    source_path: str
    source: str  # qualified name, "" for the file itself
    line: int
    target_path: str
    target: str  # qualified name, "" for the file itself
    certainty: str  # resolved, inferred (the only candidate), ambiguous (one of several)
    rule: str  # in words, such as "imported by name"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query, with the reason."""

    chunk: Chunk
    score: float
    why: str


# ------------------------------------------------------------------ datasets


@dataclass(frozen=True, slots=True)
class Split:
    """Where time is cut. Training sees the ancestors of `validation_cut`; validation ends at `cut`.

    `validation_cut` is "" when the history is too short for a validation period.
    """

    cut: str
    validation_cut: str
    tip: str
    cut_date: int
    tip_date: int
    moved_back: bool  # the months held too few items, so the newest fifth of the commits is held out
    reason: str  # a sentence for the report


@dataclass(frozen=True, slots=True)
class Example:
    """One training item: readable text, and exactly the tokens that the model sees."""

    id: str
    kind: str  # continuation, implementation, change
    split: str  # train or validation
    text: str
    input_ids: tuple[int, ...]
    trained: tuple[bool, ...]  # per token: does it carry loss?
    lineage: tuple[str, ...]  # occurrence ids
    weight: float


@dataclass(frozen=True, slots=True)
class Item:
    """One run of new lines of one commit, to be scored given its file and its commit."""

    id: str
    split: str  # validation or heldout
    commit: str
    date: int
    path: str
    language: str
    message: str  # of the commit, redacted
    prefix: str  # the file after the commit, up to the run
    target: str  # the run; whole lines
    known_path: bool  # did the path exist at the cut that this item is measured from?


# ------------------------------------------------------------------ training


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is trained. Every value is frozen before training begins."""

    method: str  # a name in training/methods; values that it does not use are 0, 1.0 (a ratio) or empty
    rank: int
    alpha: int
    targets: tuple[str, ...]
    dropout: float
    learning_rate: float
    schedule: str  # "cosine" or "linear"
    warmup_share: float  # of the steps
    weight_decay: float
    epochs: float
    sequence_length: int  # tokens in one packed row
    rows: int  # packed rows in one forward pass
    accumulation: int  # forward passes in one optimizer step
    max_steps: int
    validate_every: int  # steps; also the checkpoint interval
    patience: int  # validations without a better one before stopping; 0 never stops early
    precision: str  # "float32" or "bfloat16", of the base weights
    checkpointing: bool  # recompute activations
    seed: int
    objective: str = "mixed"  # "text", "instructions", "phased" (text, then instructions) or "mixed"
    prompt_loss_weight: float = 0.0  # of the tokens of an instruction, in weights of its answer's
    forgetting_bound: float = 0.0  # rise of the loss on general code that stops training; 0: not watched
    layers: int = 0  # last blocks that are trained
    virtual_tokens: int = 0  # before every text
    quantization: str = ""  # of the frozen base while training: "" or "nf4"
    optimizer: str = "adamw"  # or "paged_adamw_8bit"
    rate_ratio: float = 1.0  # learning rate of an update's second factor, in those of the first
    layer_rates: tuple[float, ...] = ()  # shares of the learning rate: embeddings, then blocks by depth
    neftune: float = 0.0  # scale of the noise on the embeddings; 0: none
    new_tokens: tuple[int, ...] = ()  # spare tokens that got a meaning: their embeddings are trained


# ------------------------------------------------------------------ evaluation


@dataclass(frozen=True, slots=True)
class Score:
    """One arm's result on one item."""

    item: str
    commit: str
    arm: str
    bits: float  # minus log2 probability of the target
    bytes: int
    tokens: int
    top1: int  # tokens of the target that the model would have chosen itself
    statement_exact: float  # 1 or 0; NaN where nothing was generated
    identifiers: float  # share of the next statement's identifiers that were produced, in order; NaN likewise
    answer: str  # the generated next statement
    logprobs: tuple[float, ...] = ()  # natural logarithm, of each token of the target
    right: tuple[bool, ...] = ()  # would the model have chosen it?
    best: tuple[float, ...] = ()  # logprob of what the model would have chosen; empty where not recorded
