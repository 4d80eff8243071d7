"""Which language a file is written in, and whether it is a test, from its path and its first lines."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["CODE", "detect", "is_code", "is_test"]

CODE = ("c", "cpp", "go", "java", "javascript", "python", "rust", "typescript")
"""Languages with a grammar: their definitions are known."""

_EXTENSIONS = {
    "c": "c",
    "python": "py pyi pyw",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl",
    "go": "go",
    "java": "java",
    "javascript": "js jsx mjs cjs",
    "typescript": "ts tsx mts cts",
    "rust": "rs",
    "markdown": "md markdown mdx",
    "rst": "rst",
    "text": "txt text",
    "html": "html htm xhtml",
    "css": "css scss less",
    "xml": "xml xsd xsl svg",
    "json": "json jsonl ndjson json5",
    "yaml": "yaml yml",
    "toml": "toml",
    "ini": "ini cfg conf properties",
    "shell": "sh bash zsh ksh",
    "make": "mk mak",
    "cmake": "cmake",
    "m4": "m4 ac",
    "roff": "1 3 5 7 8 man",
    "sql": "sql",
    "csharp": "cs",
    "kotlin": "kt kts",
    "scala": "scala",
    "swift": "swift",
    "ruby": "rb",
    "php": "php",
    "perl": "pl pm",
    "lua": "lua",
    "haskell": "hs",
    "r": "r",
    "assembly": "s asm",
    "protobuf": "proto",
    "batch": "bat cmd",
    "powershell": "ps1",
    "tex": "tex",
    "diff": "diff patch",
    "jinja": "j2 jinja jinja2",
    "csv": "csv tsv",
    "notebook": "ipynb",
}
_BY_EXTENSION = {ext: language for language, words in _EXTENSIONS.items() for ext in words.split()}
_BY_NAME = {
    "makefile": "make",
    "gnumakefile": "make",
    "cmakelists.txt": "cmake",
    "dockerfile": "dockerfile",
    "sconstruct": "python",
    "sconscript": "python",
    "wscript": "python",
    "configure.ac": "m4",
    "go.mod": "gomod",
    "readme": "text",
    "license": "text",
    "copying": "text",
    "authors": "text",
    "changelog": "text",
    "changes": "text",
    "news": "text",
    "todo": "text",
}
_SHEBANG = re.compile(r"#!\s*\S*?/?(?:env\s+(?:-\S+\s+)*)?([A-Za-z]+)[\d.]*(?:\s|$)")
_BY_INTERPRETER = {
    "python": "python",
    "pypy": "python",
    "node": "javascript",
    "deno": "typescript",
    "sh": "shell",
    "bash": "shell",
    "dash": "shell",
    "zsh": "shell",
    "ksh": "shell",
    "perl": "perl",
    "ruby": "ruby",
    "lua": "lua",
    "php": "php",
    "make": "make",
}
# What a header says only when it is C++: a C header hides its `extern "C"` behind the preprocessor.
_CPP_HEADER = re.compile(
    r"^[ \t]*(?:class\s+\w[^.,()]*?[{;]|(?:inline\s+)?namespace\s+\w+\s*(?:\{|$)|template\s*<"
    r"|using\s+(?:namespace\s+)?[\w:]+\s*[;=]|(?:public|private|protected)\s*:)",
    re.M,
)
_HEAD = 4_096  # characters that may tell a language
_HEAD_OF_HEADER = 65_536  # macros for compilers and platforms come first
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs", "testsuite"})
_TEST_STEMS = {
    "go": re.compile(r".+_test"),
    "java": re.compile(r"Test(?:[A-Z_]\w*)?|\w+(?:Tests?|TestCase|IT)"),
    "javascript": re.compile(r".+[.-](?:test|spec)"),
    "typescript": re.compile(r".+[.-](?:test|spec)"),
    "python": re.compile(r"tests?|test_.*|.*_tests?|conftest"),
    "rust": re.compile(r"tests?|.+_tests?"),
}
_TEST_STEM = re.compile(r"tests?|test[-_].*|.*[-_](?:unit)?tests?")


def detect(path: str, text: str = "") -> str:
    """Return the language of a file by its name, else by the first line of its text; "" when neither tells.

    The beginning of the text also tells a C++ header from a C header; no more than that is looked at.
    """
    head = text[:_HEAD]
    name = PurePosixPath(path).name.lower()
    language = _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "", "")
    if name.endswith(".h"):
        return "cpp" if _CPP_HEADER.search(text[:_HEAD_OF_HEADER]) else "c"
    if name.endswith(".ts") and head.lstrip("\ufeff").startswith("<?xml"):  # a translation file of Qt
        return "xml"
    if name.startswith(("dockerfile.", "makefile.")):
        return name.partition(".")[0].replace("makefile", "make")
    return language or _by_shebang(head)


def is_code(language: str) -> bool:
    """Tell whether the language has a grammar here."""
    return language in CODE


def is_test(path: str, language: str) -> bool:
    """Tell whether the conventions of the language make `path` a test or part of a test suite."""
    pure = PurePosixPath(path)
    if any(folder.lower() in _TEST_FOLDERS for folder in pure.parts[:-1]):
        return True
    return _TEST_STEMS.get(language, _TEST_STEM).fullmatch(pure.stem) is not None


def _by_shebang(head: str) -> str:
    found = _SHEBANG.match(head.lstrip("\ufeff").partition("\n")[0])
    return _BY_INTERPRETER.get(found[1].lower(), "") if found else ""
