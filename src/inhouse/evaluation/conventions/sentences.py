"""Conventions in plain words: what a newcomer to the repository would be told."""

from __future__ import annotations

__all__ = ["ASPECTS", "IMPORT", "import_sentence", "sentence"]

IMPORT = "python.import:"
"""Begins the aspects that say how one module is imported."""

_YES_NO = {
    "python.class_docstring": ("Public classes have a docstring.", "Public classes have no docstring."),
    "python.docstring_period": (
        "The summary of a docstring ends with a full stop.",
        "The summary of a docstring ends without a full stop.",
    ),
    "python.error_period": (
        "Error messages end with a full stop.",
        "Error messages end without a full stop.",
    ),
    "python.function_docstring": (
        "Public functions have a docstring.",
        "Public functions have no docstring.",
    ),
    "python.future_annotations": (
        "A module begins with `from __future__ import annotations`.",
        "Modules do not import `annotations` from `__future__`.",
    ),
    "python.parameter_annotations": (
        "All parameters are annotated with types.",
        "Parameters are not annotated with types.",
    ),
    "python.raise_from": (
        "An error raised while handling another names its cause: `raise ... from ...`.",
        "Errors raised while handling another are raised without `from`.",
    ),
    "python.return_annotations": (
        "Every function has an annotated return type.",
        "Functions have no annotated return type.",
    ),
    "python.trailing_comma": (
        "The last element of a list over several lines is followed by a comma.",
        "The last element of a list over several lines is not followed by a comma.",
    ),
    "c.log_newline": (
        "Messages to log end with a line end (\\n).",
        "Messages to log do not end with a line end.",
    ),
}
_CASES = {
    "python.comment_capital": "Comments begin with a {} letter.",
    "python.error_capital": "Error messages begin with a {} letter.",
    "python.log_capital": "Log messages begin with a {} letter.",
    "c.log_capital": "Log messages begin with a {} letter.",
}
_PHRASES: dict[str, dict[str, str]] = {
    "python.docstring_mood": {
        "imperative": 'Docstrings tell what to do: "Return ...", not "Returns ...".',
        "third person": 'Docstrings tell what is done: "Returns ...", not "Return ...".',
    },
    "python.docstring_start": {
        "same line": "The words of a docstring begin on the line of its opening quotes.",
        "next line": "The words of a docstring begin on the line after its opening quotes.",
    },
    "python.except": {
        "specific": "`except` names the exceptions that it expects.",
        "broad": "`except` catches Exception.",
        "bare": "`except` stands without an exception.",
    },
    "python.exception_base": {
        "own": "New exceptions derive from one of the project's own.",
        "built-in": "New exceptions derive from a built-in one.",
    },
    "python.import_place": {
        "top": "Imports stand at the top of the module.",
        "function": "Imports stand inside the functions that need them.",
    },
    "python.interpolation": {
        "f-string": "Values are put into strings with f-strings.",
        ".format()": "Values are put into strings with `.format()`.",
        "%": "Values are put into strings with the `%` operator.",
    },
    "python.log_arguments": {
        "arguments": 'Values are given to the logger as arguments: `logger.info("read %s", path)`.',
        "f-string": "Log messages are f-strings.",
        ".format()": "Log messages are made with `.format()`.",
        "%": "Log messages are made with the `%` operator.",
    },
    "python.names_per_import": {
        "one": "Each `from ... import` brings one name, on a line of its own.",
        "several": "All names from a module are imported in one statement.",
    },
    "python.own_imports": {
        "relative": "The project's own modules are imported relatively: `from .module import name`.",
        "absolute": "The project's own modules are imported by their full name, not relatively.",
    },
    "python.quotes": {
        "double": "Strings stand in double quotes.",
        "single": "Strings stand in single quotes.",
    },
    "python.raised": {
        "own": "Errors are raised as the project's own exceptions, not built-in ones.",
        "built-in": "Errors are raised as built-in exceptions.",
    },
    "c.control_brace": {
        "same line": "The opening brace of `if`, `for` and `while` stands on the same line.",
        "next line": "The opening brace of `if`, `for` and `while` stands on the next line.",
    },
    "c.else_line": {
        "same line": "`else` stands on the line of the closing brace.",
        "own line": "`else` stands on a line of its own.",
    },
    "c.function_brace": {
        "same line": "The opening brace of a function stands on the line of its name.",
        "next line": "The opening brace of a function stands on the next line.",
    },
    "c.keyword_space": {
        "space": "A space follows `if`, `for`, `while` and `switch`.",
        "no space": "No space follows `if`, `for`, `while` and `switch`.",
    },
    "c.null_check": {
        "pointer == NULL": "Pointers are compared with NULL explicitly: `if (p == NULL)`.",
        "!pointer": "Pointers are tested without naming NULL: `if (!p)`.",
    },
    "c.return_type_line": {
        "same line": "The return type stands on the line of the function's name.",
        "own line": "The return type stands on a line of its own.",
    },
    "c.single_statement": {
        "no braces": "A single statement after `if`, `for` or `while` has no braces.",
        "braces": "A single statement after `if`, `for` or `while` has braces too.",
    },
    "c.sizeof_allocated": {
        "expression": "Memory is measured by the variable: `sizeof(*p)`.",
        "type": "Memory is measured by the type: `sizeof(type)`.",
    },
    "c.sizeof_brackets": {
        "brackets": "`sizeof` is written with brackets.",
        "none": "`sizeof` is written without brackets before an expression.",
    },
    "c.cast_space": {
        "space": "A space follows a cast: `(int) x`.",
        "no space": "No space follows a cast: `(int)x`.",
    },
}
_OPEN = {
    "width": "Lines have at most {} characters.",
    "python.assertion": "Assertions have the form `{}`.",
    "python.class_name": "Class names are {}.",
    "python.constant_name": "Constants at the top of a module are {}.",
    "python.docstring_quotes": "Docstrings stand in {} quotes.",
    "python.docstring_sections": "Parameters and results are described in docstrings in the form `{}`.",
    "python.error_wrapped": 'Error messages are wrapped: `{}("...")`.',
    "python.exception_suffix": "Names of exceptions end with {}.",
    "python.function_name": "Function names are {}.",
    "python.generics": "Types of containers are written `{}`.",
    "python.indent": "Blocks are indented by {}.",
    "python.logger": "The logger is called `{}`.",
    "python.optional": "A type that may be None is written `{}`.",
    "python.super": "The base class is called with `{}`.",
    "python.variable_name": "Variables and parameters are {}.",
    "c.callback_type_end": "Names of callback types end with `{}`.",
    "c.comment_form": "Comments have the form `{}`.",
    "c.enumerator_name": "Enumerators are {}.",
    "c.enumerator_prefix": "Names of enumerators begin with `{}`.",
    "c.errno_return": "A failed system call is returned as `{}`.",
    "c.error_return": "Functions report errors by returning `{}`.",
    "c.function_macro_name": "Macros with parameters are {}.",
    "c.function_name": "Function names are {}.",
    "c.function_prefix": "Names of exported functions begin with `{}`.",
    "c.guard": "Headers are guarded with `{}`.",
    "c.guard_end": "Names of header guards end with `{}`.",
    "c.indent": "Blocks are indented by {}.",
    "c.label": "The label to jump to on failure is called `{}`.",
    "c.log_call": "Messages are logged with `{}`.",
    "c.macro_name": "Macros are {}.",
    "c.no_parameters": "A function without parameters is written `{}`.",
    "c.pointer_star": "The star of a pointer is placed as in `{}`.",
    "c.return_check": "What a call returned is tested as in `if ({})`.",
    "c.return_variable": "What a call returned is kept in a variable called `{}`.",
    "c.static_prefix": "Names of static functions begin with `{}`.",
    "c.struct_end": "Names of structs end with `{}`.",
    "c.struct_prefix": "Names of structs begin with `{}`.",
    "c.type_end": "Names of types end with `{}`.",
    "c.type_prefix": "Names of types begin with `{}`.",
}
_OF_NONE = {
    "python.error_wrapped": "Error messages are plain strings.",
    "c.callback_type_end": "Names of callback types have no common ending.",
    "c.enumerator_prefix": "Enumerators have no prefix.",
    "c.function_prefix": "Names of exported functions have no common prefix.",
    "c.static_prefix": "Names of static functions have no common prefix.",
    "c.struct_end": "Names of structs have no ending such as `_s`.",
    "c.struct_prefix": "Names of structs have no common prefix.",
    "c.type_end": "Names of types have no ending such as `_t`.",
    "c.type_prefix": "Names of types have no common prefix.",
    "python.exception_suffix": "Names of exceptions have no ending such as Error.",
}
ASPECTS = (
    "own_exception",
    "raised",
    "error_return",
    "errno_return",
    "return_check",
    "null_check",
    "call:",
    "own_imports",
    "function_prefix",
    "static_prefix",
    "function_name",
    "type_end",
    "callback_type_end",
    "type_prefix",
    "parameter_annotations",
    "return_annotations",
    "optional",
    "logger",
    "log_call",
    "log_arguments",
    "error_wrapped",
    "error_capital",
    "error_period",
    "function_docstring",
    "docstring_mood",
    "docstring_sections",
    "docstring_period",
    "quotes",
    "width",
    "indent",
    "single_statement",
    "function_brace",
    "control_brace",
    "comment_form",
)
"""What is worth saying first; the rest follows by name."""


def sentence(aspect: str, value: str) -> str:
    """Return a convention in plain words."""
    if aspect in _YES_NO:
        return _YES_NO[aspect][value != "yes"]
    if aspect in _CASES:
        return _CASES[aspect].format("capital" if value == "capital" else "small")
    if aspect in _PHRASES:
        return _PHRASES[aspect][value]
    if value in ("none", "plain") and aspect in _OF_NONE:
        return _OF_NONE[aspect]
    if aspect.startswith(IMPORT):
        return import_sentence([value])
    if aspect.startswith("c.call:"):
        called = aspect.partition(":")[2]
        return (
            f"Call `{value}` where `{called}` is meant." if value != called else f"Call `{called}` directly."
        )
    return _OPEN[aspect].format(value)


def import_sentence(forms: list[str]) -> str:
    """Return how modules are imported, as one sentence."""
    return f"Modules are imported like this: {', '.join(f'`{form}`' for form in forms)}."
