"""The answers of the tools: typed for programs, and as text for models, within a number of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Answer",
    "ContextAnswer",
    "DefinitionAnswer",
    "FoundDefinition",
    "FoundHit",
    "FoundPiece",
    "FoundReference",
    "FoundSymbol",
    "FoundVersion",
    "HistoryAnswer",
    "OutlineAnswer",
    "ReferencesAnswer",
    "SearchAnswer",
    "VersionLines",
    "fitting",
    "shortened",
]

_CUT = "..."
_Item = TypeVar("_Item", bound=BaseModel)


class Answer(BaseModel):
    """What every tool says."""

    commit: str = Field("", description="the commit that the index was made of, where it is known")
    left_out: int = Field(0, description="how many results did not fit into this answer")

    def lines(self) -> list[str]:
        """Return the answer as text."""
        raise NotImplementedError

    def text(self) -> str:
        """Return what a model reads."""
        lines = self.lines() or ["nothing found"]
        if self.left_out:
            lines.append(f"({self.left_out} more left out: ask for something narrower)")
        return "\n".join(lines)


class FoundHit(BaseModel):
    """A piece of a file that answers a query."""

    path: str
    start_line: int
    end_line: int
    symbol: str = Field(description="qualified name of the definition it belongs to, may be empty")
    score: float
    why: str = Field(description="the reason why it was found")
    text: str = Field(description="these lines, cut where they are many")


class SearchAnswer(Answer):
    """Pieces of files, best first."""

    results: list[FoundHit] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the hits, each with its place, its reason and its lines."""
        return [
            f"{hit.path}:{hit.start_line}-{hit.end_line} {hit.symbol} ({hit.why})\n{hit.text.rstrip()}\n"
            for hit in self.results
        ]


class FoundDefinition(BaseModel):
    """Where a name is defined."""

    path: str
    start_line: int
    end_line: int
    name: str = Field(description="qualified name")
    kind: str
    signature: str
    docstring: str
    text: str = Field(description="its lines, cut where they are many")


class DefinitionAnswer(Answer):
    """Definitions of a name, by path."""

    definitions: list[FoundDefinition] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the definitions, each with its place and its lines."""
        return [
            f"{one.path}:{one.start_line}-{one.end_line} {one.kind} {one.name}\n{one.text.rstrip()}\n"
            for one in self.definitions
        ]


class FoundReference(BaseModel):
    """Where a name is used."""

    path: str
    line: int
    scope: str = Field(description="qualified name of the definition around it, may be empty")
    kind: str = Field(description="calls, imports, inherits, reads, tests, ...")
    target: str = Field(description="path and qualified name of what is meant, where that is known")
    certainty: str = Field(description="resolved, inferred (the only candidate) or ambiguous")
    rule: str = Field(description="how that was found out")


class ReferencesAnswer(Answer):
    """Uses of a name, by path."""

    references: list[FoundReference] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return one line for each use."""
        return [_reference_line(one) for one in self.references]


class FoundSymbol(BaseModel):
    """A definition of a file, without its body."""

    name: str = Field(description="qualified name")
    kind: str
    start_line: int
    end_line: int
    signature: str


class OutlineAnswer(Answer):
    """The definitions of a file, by place."""

    path: str = ""
    symbols: list[FoundSymbol] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return one line for each definition, indented by its depth."""
        rows = [
            f"{'  ' * one.name.count('.')}{one.signature or one.name}  # {one.start_line}-{one.end_line}"
            for one in self.symbols
        ]
        return [self.path, *rows]


class FoundPiece(BaseModel):
    """What a context holds of a file."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    form: str = Field(description="body, signature or path")
    why: str


class ContextAnswer(Answer):
    """What a model should read for a task, within a number of tokens."""

    context: str = ""
    tokens: int = 0
    counted_by: str = Field("", description="whose tokens they are")
    pieces: list[FoundPiece] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the context as it is."""
        return [self.context] if self.context else []


class VersionLines(BaseModel):
    """Lines of a path."""

    path: str
    start_line: int
    end_line: int
    text: list[str]
    hidden: str = Field(description="why the text is not shown, may be empty")


class FoundVersion(BaseModel):
    """What one commit did to the lines that were asked for."""

    commit: str
    date: str = Field(description="of the committer, UTC")
    message: str
    before: list[VersionLines] = Field(description="empty where the lines began")
    after: list[VersionLines]


class HistoryAnswer(Answer):
    """Which commits made lines what they are, newest first."""

    path: str = ""
    versions: list[FoundVersion] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """Return each commit with its message and its change."""
        return [_version_text(version) for version in self.versions]


def fitting(items: Sequence[_Item], characters: int) -> tuple[list[_Item], int]:
    """Return the first items that fit into so many characters, one at least, and the number of the others."""
    kept: list[_Item] = []
    for item in items:
        characters -= len(item.model_dump_json())
        if kept and characters < 0:
            break
        kept.append(item)
    return kept, len(items) - len(kept)


def shortened(text: str, characters: int) -> str:
    """Return the first whole lines of a text that fit, and a mark where some are missing."""
    if len(text) <= characters:
        return text
    head = text[:characters]
    whole = head.rpartition("\n")[0] or head
    return f"{whole}\n{_CUT}"


def _reference_line(one: FoundReference) -> str:
    scope = f" in {one.scope}" if one.scope else ""
    target = f" -> {one.target}" if one.target else ""
    certainty = f" ({one.certainty}: {one.rule})" if one.certainty else ""
    return f"{one.path}:{one.line} {one.kind}{scope}{target}{certainty}"


def _version_text(version: FoundVersion) -> str:
    rows = [f"{version.commit[:12]} {version.date} {version.message}"]
    for mark, sides in (("-", version.before), ("+", version.after)):
        for side in sides:
            hidden = f" (not shown: {side.hidden})" if side.hidden else ""
            rows.append(f"{mark * 3} {side.path}:{side.start_line}-{side.end_line}{hidden}")
            rows += [f"{mark}{line}" for line in side.text]
    return "\n".join(rows) + "\n"
