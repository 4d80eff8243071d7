"""The tools by name: what they are for, in words that a model understands, and what they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inhouse.agents.answers import (
    Answer,
    ContextAnswer,
    DefinitionAnswer,
    HistoryAnswer,
    OutlineAnswer,
    ReferencesAnswer,
    SearchAnswer,
)
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inhouse.agents.desk import Desk

__all__ = ["TOOLS", "Tool"]

_LONGEST = 1_000_000  # characters of a query


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as agents see it."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    answer: type[Answer]
    ask: Callable[[Desk, Any], Answer]

    def call(self, desk: Desk, arguments: Mapping[str, Any]) -> Answer:
        """Return the answer. Raises UserMistake for wrong arguments too."""
        try:
            given = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise UserMistake(f"{self.name} was called wrongly", _problems(error)) from None
        return self.ask(desk, given)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="arguments")


class _Query(_Arguments):
    query: str = Field(
        min_length=1,
        max_length=_LONGEST,
        description="a question in words, an identifier, a path, code, an error with its trace, or a diff",
    )
    k: int = Field(10, ge=1, le=50, description="how many results")


class _Name(_Arguments):
    name: str = Field(
        min_length=1,
        max_length=1_000,
        description="a simple or qualified name, such as close or Session.close",
    )


class _Path(_Arguments):
    path: str = Field(
        min_length=1,
        max_length=4_096,
        description="path from the repository's root, such as src/app.py",
    )


class _Task(_Arguments):
    task: str = Field(
        min_length=1,
        max_length=_LONGEST,
        description="what is to be done or understood: an issue, a question, an error, a diff",
    )
    budget: int = Field(8_000, ge=16, le=200_000, description="tokens that the context may have, never more")


class _Line(_Path):
    line: int = Field(ge=1, description="the line, counted from 1, as search and outline say it")
    last_line: int | None = Field(None, ge=1, description="the last line, for several lines")
    limit: int = Field(10, ge=1, le=50, description="how many commits at most, newest first")
    revision: str = Field(
        "",
        max_length=64,
        description="id of the commit at which the lines are counted; leave it out for that of the index",
    )


def _history(desk: Desk, given: _Line) -> Answer:
    last = given.line if given.last_line is None else given.last_line
    return desk.history(given.path, given.line, last, given.limit, given.revision)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search",
            "Search the code",
            "Find code, documentation and configuration of this repository for any text: a question in "
            "words, an identifier, a path, a piece of code, an error with its stack trace. Returns the best "
            "pieces of files with their lines and the reason why each was found. Start here when you do not "
            "know where something is.",
            _Query,
            SearchAnswer,
            lambda desk, given: desk.search(given.query, given.k),
        ),
        Tool(
            "definition",
            "Go to a definition",
            "Return where a function, class, type, constant or configuration key is defined, with its code. "
            "Use it when you know the name; several definitions of one name are all returned.",
            _Name,
            DefinitionAnswer,
            lambda desk, given: desk.definition(given.name),
        ),
        Tool(
            "references",
            "Find uses of a name",
            "Return where a name is called, imported, inherited from, read or tested, one line each. Use it "
            "before you change or remove something.",
            _Name,
            ReferencesAnswer,
            lambda desk, given: desk.references(given.name),
        ),
        Tool(
            "context",
            "Collect what to read for a task",
            "Return the code that matters for a task in one text, within an exact number of tokens: bodies "
            "of the most relevant definitions, signatures of others, with paths and line numbers. Use it "
            "once at the beginning of a task instead of reading many files.",
            _Task,
            ContextAnswer,
            lambda desk, given: desk.context(given.task, given.budget),
        ),
        Tool(
            "outline",
            "List what a file defines",
            "Return the classes, functions and other definitions of one file with their signatures and "
            "lines. Use it to look at a large file before you read parts of it.",
            _Path,
            OutlineAnswer,
            lambda desk, given: desk.outline(given.path),
        ),
        Tool(
            "history",
            "History of a line",
            "Return which commits changed a line, or some lines, of a file, newest first and over renames: "
            "their messages, and the lines before and after. Use it to find out why code is as it is.",
            _Line,
            HistoryAnswer,
            _history,
        ),
    )
}
"""By name."""


def _problems(error: ValidationError) -> str:
    """Return what is wrong with arguments, without what was given: it may be a megabyte."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return ", ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in found)
