"""Which part of a generated text is the answer.

    gap in a file    the text up to where the block ends: a line that is indented less than the gap (Python),
                     the brace that closes it (C, JavaScript, ...); what repeats the prefix is left out
    completion       the text, without what repeats the prompt
    chat             the code block that defines what was asked, else the longest; without a block, the lines
                     from the first definition or import on, as far as they parse; else nothing
    question         the text

Nothing is mended: no bracket is closed, no import added, no name changed. Every arm has the same rule.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from inhouse.datasets.formats import space_at_end
from inhouse.evaluation.prompts import OF_REPOSITORY, answer_begins, gap_space, given, is_chat

if TYPE_CHECKING:
    from inhouse.evaluation.tasks import Task

__all__ = ["code_blocks", "extract", "parses"]

_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)([^\n`]*)\n(.*?)(?:^[ \t]*(?:```+|~~~+)[ \t]*$|\Z)", re.M | re.S)
_CODE_LINE = re.compile(r"(?:def|async def|class|import|from|@)\b|@\w")
_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class|function)[ \t]+(\w+)", re.M)
_DEFINITION_LINE = re.compile(r"^([ \t]*)(?:async[ \t]+def|def|class)\b", re.M)
_BRACES = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?|([{}])", re.S
)
_TELLING = 4  # letters in a row without which a repeated line may be chance, such as a lone bracket


def extract(task: Task, text: str) -> str:
    """Return the answer in what a model wrote for a task; "" where there is none."""
    if task.kind == "question":
        return text.strip()
    if is_chat(task):
        return _from_chat(task, answer_begins(task) + text)
    if task.kind in OF_REPOSITORY:
        return _into_gap(task, text)
    return _without_echo(task.prefix, text)


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Return (language as named, code) of the fenced blocks; one that is never closed ends with the text."""
    return [(match[1].strip().lower(), match[2]) for match in _FENCE.finditer(text)]


def parses(code: str) -> bool:
    """Tell whether a text is a Python program, without running any of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the code that is read: invalid escapes and the like
        try:
            ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


# ------------------------------------------------------------------ chat


def _from_chat(task: Task, text: str) -> str:
    asked = _lines(task.instruction)
    blocks = [code for _, code in code_blocks(text) if code.strip() and not _is_echo(code, asked)]
    wanted = _names(task)
    for code in blocks:
        if wanted.intersection(_DEFINED.findall(code)):
            return code
    if blocks:
        return max(blocks, key=len)
    return "" if code_blocks(text) else _bare_code(text)


def _names(task: Task) -> set[str]:
    """Return the names of what is to be defined: the last definition of the reference, as programs go."""
    return set(_DEFINED.findall(task.reference)[-1:])


def _is_echo(code: str, asked: set[str]) -> bool:
    """Is there nothing in a block but lines of the question?"""
    return _lines(code) <= asked


def _bare_code(text: str) -> str:
    """Return the longest run of lines that begins with a definition or an import and parses."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if _CODE_LINE.match(line)), len(lines))
    for end in range(len(lines), start, -1):
        code = "\n".join(lines[start:end])
        if lines[end - 1].strip() and parses(code):
            return code + "\n"
    return ""


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.split("\n") if line.strip()}


# ------------------------------------------------------------------ files


def _into_gap(task: Task, text: str) -> str:
    """Return what goes between prefix and suffix: white space that the prefix ends with is not doubled."""
    began = given(task) if text[:1].isspace() else gap_space(task)  # the blank that was left to the model
    written = _without_echo(task.prefix, began + text)
    space = space_at_end(task.prefix)
    if not written.startswith(space):
        written = space + written.lstrip()
    cut = _block(task, written)[len(space) :].rstrip()
    return cut + space_at_end(task.reference) if cut.strip() else ""


def _block(task: Task, written: str) -> str:
    if task.language != "python":
        return _braced_block(written, keep=_balance(task.reference) < 0)
    if "\n" in gap_space(task):
        return _python_block("def _():\n", written, _indentation(written.lstrip("\n")))
    definitions = _DEFINITION_LINE.findall(task.prefix) or [""]
    return _python_block("def _():", written, len(definitions[-1]) + 1)


def _python_block(head: str, written: str, margin: int) -> str:
    """Cut before the first line that is indented less than `margin` and belongs to nothing open."""
    lines = written.split("\n")
    inside = 0 if head.endswith("\n") else 1  # the rest of the line of the prefix is in any case
    ends = [
        number
        for number, line in enumerate(lines)
        if number >= inside and line.strip() and _indentation(line) < margin
    ]
    for end in ends:
        block = "\n".join(lines[:end])
        if parses(head + block):
            return block
    return "\n".join(lines[: ends[0]] if ends else lines)


def _indentation(line: str) -> int:
    """Return the blanks before the first word of a text."""
    return len(line) - len(line.lstrip(" \t"))


def _braced_block(written: str, *, keep: bool) -> str:
    """Cut at the brace that closes the block around the gap; `keep` leaves it in."""
    depth = 0
    for match in _BRACES.finditer(written):
        depth += {"{": 1, "}": -1}.get(match[1] or "", 0)
        if depth < 0:
            return written[: match.end() if keep else match.start()]
    return written


def _balance(code: str) -> int:
    braces = [match[1] for match in _BRACES.finditer(code)]
    return braces.count("{") - braces.count("}")


def _without_echo(prefix: str, text: str) -> str:
    """Leave out the beginning of a text that repeats the end of what stands before it, in whole lines."""
    before = [line.strip() for line in prefix.rstrip().split("\n")]
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    written = [line.strip() for line in lines[start:]]
    for length in range(min(len(before), len(written)), 0, -1):
        same = before[-length:] == written[:length]
        if same and re.search(rf"\w{{{_TELLING}}}", "".join(written[:length])):
            return "\n" + "\n".join(lines[start + length :])
    return text
