"""Languages by name, by the first line, and what is a test."""

from __future__ import annotations

import pytest

from inhouse.languages import CODE, detect, grammar_versions, is_code, is_test, parse


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/app.py", "", "python"),
        ("stubs/app.pyi", "", "python"),
        ("a.H", "", "c"),
        ("a.h", '#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n', "c"),
        ("a.h", "#pragma once\nnamespace a {\nclass B;\n}\n", "cpp"),
        ("a.h", "struct A {\n public:\n  int f();\n};\n", "cpp"),
        ("a.cxx", "", "cpp"),
        ("A.java", "", "java"),
        ("a.mjs", "", "javascript"),
        ("a.tsx", "", "typescript"),
        ("i18n/de.ts", '<?xml version="1.0"?>\n<TS>', "xml"),
        ("main.go", "", "go"),
        ("go.mod", "", "gomod"),
        ("lib.rs", "", "rust"),
        ("README", "", "text"),
        ("README.md", "", "markdown"),
        ("docs/index.rst", "", "rst"),
        ("Makefile", "", "make"),
        ("Dockerfile.dev", "", "dockerfile"),
        ("CMakeLists.txt", "", "cmake"),
        ("bin/tool", "#!/usr/bin/env python3\n", "python"),
        ("bin/tool", "\ufeff#!/usr/bin/env -S node --x\n", "javascript"),
        ("bin/tool", "#!/bin/sh -e\n", "shell"),
        ("bin/tool", "#!\n", ""),
        ("bin/tool", "just words\n", ""),
        (".gitignore", "", ""),
        ("", "", ""),
    ],
)
def test_the_language_of_a_file(path: str, head: str, language: str) -> None:
    assert detect(path, head) == language


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("tests/helpers.py", "python", True),
        ("src/test_app.py", "python", True),
        ("src/app_test.py", "python", True),
        ("conftest.py", "python", True),
        ("src/attestation.py", "python", False),
        ("src/contest.py", "python", False),
        ("latest/app.py", "python", False),
        ("a_test.go", "go", True),
        ("test_a.go", "go", False),
        ("FooTest.java", "java", True),
        ("TestFoo.java", "java", True),
        ("Testament.java", "java", False),
        ("a.spec.ts", "typescript", True),
        ("__tests__/a.js", "javascript", True),
        ("test-tcp-open.c", "c", True),
        ("tcp_test.cc", "cpp", True),
        ("tcp.c", "c", False),
        ("src/tests.rs", "rust", True),
        ("Tests/data.json", "json", True),
    ],
)
def test_what_is_a_test(path: str, language: str, expected: bool) -> None:
    assert is_test(path, language) is expected


def test_every_language_of_code_has_a_grammar_and_no_other_does() -> None:
    for language in CODE:
        assert is_code(language)
        assert parse("a", "", language).language == language
    assert not is_code("markdown")
    assert parse("a.md", "# Title\n").symbols == ()
    assert list(CODE) == sorted(CODE)


def test_grammar_versions_name_every_wheel() -> None:
    versions = grammar_versions()
    assert list(versions) == sorted(versions)
    assert {"tree-sitter", "tree-sitter-c", "tree-sitter-python", "tree-sitter-typescript"} <= versions.keys()
    assert all(versions.values())


def test_only_the_beginning_of_a_text_tells_its_language() -> None:
    """A header of 50 MB is not searched to its end, and is the same language whoever reads how much of it."""
    filler = "int x;\n" * 10_000
    assert detect("a.h", "class A;\n" + filler) == "cpp"
    assert detect("a.h", filler + "class A;\n") == "c"
    assert detect("tool", filler + "#!/usr/bin/env python\n") == ""
