"""Whole programs that a model wrote, ready to be tested: what they define, and nothing that they do.

The rule is that of the harness behind the published figures (EvalPlus, https://arxiv.org/abs/2305.01210).
"""

from __future__ import annotations

import ast
import warnings

from inhouse.evaluation.extraction import parses

__all__ = ["definitions"]

_DEFINING = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)


def definitions(code: str) -> str:
    """Return the lines of imports, definitions and assignments of a Python program, as far as it parses.

    Examples that it prints, assertions of its own, and an answer that was cut in their midst decide nothing.
    A text that defines nothing is returned as it is.
    """
    lines = code.split("\n")
    kept: set[int] = set()
    for node in _tree(lines).body:
        if isinstance(node, _DEFINING):
            decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
            kept.update(range(min([node.lineno, *decorators]), (node.end_lineno or node.lineno) + 1))
    return "".join(f"{lines[number - 1]}\n" for number in sorted(kept)) if kept else code


def _tree(lines: list[str]) -> ast.Module:
    """Return the tree of the most lines from the first on that parse."""
    for end in range(len(lines), 0, -1):
        text = "\n".join(lines[:end])
        if lines[end - 1].strip() and parses(text):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
    return ast.Module([], [])
