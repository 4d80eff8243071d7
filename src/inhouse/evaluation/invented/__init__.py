"""Invented symbols: what generated code calls, imports and reads that exists nowhere.

A symbol counts as invented only when it can be told: a call of a name that neither the file, the
repository, nor the language knows; an import of a module or a name that is not there; an attribute that its
module or class does not have. The attribute of an object whose type is not known counts only if no file of
the repository, no class of the language, the standard library or a dependency has one of that name.
Everything else is believed.
"""

from inhouse.evaluation.invented.judge import Report, World, examine, expected_symbols, needed, used_names

__all__ = ["Report", "World", "examine", "expected_symbols", "needed", "used_names"]
