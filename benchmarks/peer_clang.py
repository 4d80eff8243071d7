"""Where clang leads the calls of C and C++ files, for bench_graph.py --led; for a Python that has libclang.

python benchmarks/peer_clang.py FOLDER [FLAG]... > CALLS     FLAG: of the compiler, such as -std=c++17

Every source file of the folder is parsed, and headers through those that include them; what does not compile
is left out. Standard output: JSON, a list of [path, first byte, end, [[path, line], ...]] of calls, of `new`
and of uses of macros. The places are those of the definition, of the declarations, of the class of a
constructor and of the alias that is written, so that each of them counts. "" is a path outside of the folder,
line 0 a variable; no place is what clang does not know (in templates). What several source files include has
the places that any of them gives.
"""

import json
import sys
from collections import defaultdict
from ctypes import POINTER, byref, c_uint
from pathlib import Path

from clang.cindex import (
    Cursor,
    CursorKind,
    Index,
    SourceLocation,
    TranslationUnit,
    TranslationUnitLoadError,
    c_object_p,
    conf,
)

SOURCES = {".c", ".cc", ".cpp", ".cxx"}
KEEP_GOING = 0x200  # behind an include that is not there
OPTIONS = TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD | KEEP_GOING
FUNCTIONS = {
    CursorKind.CONSTRUCTOR,
    CursorKind.CONVERSION_FUNCTION,
    CursorKind.CXX_METHOD,
    CursorKind.DESTRUCTOR,
    CursorKind.FUNCTION_DECL,
    CursorKind.FUNCTION_TEMPLATE,
}
ALIASES = {CursorKind.TYPEDEF_DECL, CursorKind.TYPE_ALIAS_DECL}
MAKING = {CursorKind.CALL_EXPR, CursorKind.CXX_FUNCTIONAL_CAST_EXPR}
Span = tuple[str, int, int]  # path, first byte, end
Place = tuple[str, int]  # path, line


def main() -> None:
    folder, flags = Path(sys.argv[1]).resolve(), sys.argv[2:]
    seen = Seen(folder)
    for path in sorted(one for one in folder.rglob("*") if one.suffix in SOURCES):
        try:
            unit = Index.create().parse(str(path), flags, options=OPTIONS)
        except TranslationUnitLoadError:  # such as C with flags of C++
            print(f"{path.relative_to(folder)}: not parsed", file=sys.stderr)
            continue
        errors = sum(one.severity >= one.Error for one in unit.diagnostics)
        print(f"{path.relative_to(folder)}: {errors} errors", file=sys.stderr)
        seen.add(unit)
    json.dump(seen.calls(), sys.stdout)


class Seen:
    """The calls and the definitions of all translation units."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}
        self._called: dict[Span, set[Place]] = defaultdict(set)
        self._usrs: dict[Span, set[str]] = defaultdict(set)
        self._defined: dict[str, Place] = {}

    def calls(self) -> list[tuple[str, int, int, list[Place]]]:
        """Return the calls by place, each with what any translation unit knows of it."""
        for span, usrs in self._usrs.items():
            self._called[span] |= {self._defined[usr] for usr in usrs if usr in self._defined}
        return [(*span, sorted(places)) for span, places in sorted(self._called.items())]

    def add(self, unit: TranslationUnit) -> None:
        calls: dict[Span, Cursor] = {}
        macros: dict[Span, Cursor] = {}
        aliases: dict[Span, set[Place]] = defaultdict(set)
        todo = [one for one in unit.cursor.get_children() if self.path(one.location)]
        while todo:
            cursor = todo.pop()
            todo += cursor.get_children()
            if cursor.kind in FUNCTIONS and cursor.is_definition():
                self._defined[cursor.get_usr()] = self.path(cursor.location), cursor.location.line
            elif cursor.kind == CursorKind.MACRO_INSTANTIATION:
                macros[self.span(cursor)] = cursor
            elif cursor.kind in (CursorKind.CALL_EXPR, CursorKind.CXX_NEW_EXPR):
                calls[self.span(cursor)] = cursor  # conversions lie around what they convert
            if cursor.kind in MAKING:
                aliases[self.span(cursor)] |= self.alias(cursor)
        for span, cursor in (calls | macros).items():  # what a macro calls has the span of its use
            self._called[span] |= self.places(span, cursor) | (set() if span in macros else aliases[span])

    def places(self, span: Span, cursor: Cursor) -> set[Place]:
        """Return where what a cursor calls is declared and defined."""
        called = cursor.referenced
        if cursor.kind == CursorKind.CXX_NEW_EXPR:
            made = [one.referenced for one in cursor.get_children() if one.kind == CursorKind.CALL_EXPR]
            called = made[-1] if made else cursor.type.get_pointee().get_declaration()
        if called is None or called.kind.is_invalid():
            return set()
        called = conf.lib.clang_getSpecializedCursorTemplate(called) or called
        if called.kind not in FUNCTIONS | {CursorKind.MACRO_INSTANTIATION, CursorKind.MACRO_DEFINITION}:
            is_type = cursor.kind == CursorKind.CXX_NEW_EXPR
            return {(self.path(called.location), called.location.line if is_type else 0)}
        if called.semantic_parent is not None and "(lambda" in called.semantic_parent.spelling:
            return {(span[0], 0)}
        self._usrs[span].add(called.get_usr())
        places = [called, called.canonical, called.get_definition()]
        if called.kind == CursorKind.CONSTRUCTOR:
            places.append(called.semantic_parent)
        return {(self.path(one.location), one.location.line) for one in places if one is not None}

    def alias(self, cursor: Cursor) -> set[Place]:
        """Return the alias that `Alias(1)` calls by its name."""
        names = (one for one in cursor.get_children() if one.kind != CursorKind.NAMESPACE_REF)
        first = next(names, None)
        named = first.referenced if first is not None and first.kind == CursorKind.TYPE_REF else None
        is_alias = named is not None and named.kind in ALIASES
        return {(self.path(named.location), named.location.line)} if is_alias else set()

    def path(self, location: SourceLocation) -> str:
        """Return the path below the folder, "" for what lies outside."""
        name = location.file.name if location.file else ""
        if name not in self._names:
            path = Path(name).resolve()
            inside = bool(name) and path.is_relative_to(self._folder)
            self._names[name] = path.relative_to(self._folder).as_posix() if inside else ""
        return self._names[name]

    def span(self, cursor: Cursor) -> Span:
        """Return the bytes that a cursor was written with, also in the argument of a macro."""
        return self.path(cursor.location), written(cursor.extent.start), written(cursor.extent.end)


def written(location: SourceLocation) -> int:
    file, line, column, offset = c_object_p(), c_uint(), c_uint(), c_uint()
    conf.lib.clang_getFileLocation(location, byref(file), byref(line), byref(column), byref(offset))
    return offset.value


conf.lib.clang_getFileLocation.argtypes = [SourceLocation, POINTER(c_object_p), *[POINTER(c_uint)] * 3]

if __name__ == "__main__":
    main()
