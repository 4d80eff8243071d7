"""Static checks: what formatter, linter, type checker, compiler and security rules say of new code.

    syntax     the file does not parse
    format     lines that the formatter would change, where it would change nothing of the reference
    lint       ruff
    types      mypy
    compiler   gcc -Wall -Wextra, clang-format, cppcheck
    security   bandit; rules of our own for C

Only what an answer brings in counts: the file with a stub in place of the answer is the base.
"""

from inhouse.evaluation.static_checks.check import KINDS, Case, Checked, check
from inhouse.evaluation.static_checks.diagnostics import Diagnostic, introduced

__all__ = ["KINDS", "Case", "Checked", "Diagnostic", "check", "introduced"]
