"""Types as signatures and declarations write them, reduced to the one name that has the members.

    Optional["Client"]   Client          *http.Server   http.Server
    Client | None        Client          Box<dyn Codec> Codec

A list or a map of clients is no client: where the outer type has members of its own, its name stays.
"""

from __future__ import annotations

import re

__all__ = ["parameters", "plain_type", "returned"]

_NAME = re.compile(r"[^\W\d][\w$]*(?:(?:\.|::)[^\W\d][\w$]*)*")
_MODIFIERS = re.compile(
    r"^(?:(?:&|\*|'\w+|mut\b|const\b|dyn\b|impl\b|final\b|readonly\b|typename\b|struct\b)\s*)+"
)
_TRANSPARENT = re.compile(
    r"(?:typing\.|t\.|std::)?"
    r"(?:Optional|Annotated|Final|ClassVar|Box|Rc|Arc|RefCell|unique_ptr|shared_ptr|Readonly|Awaitable)"
    r"\s*[\[<](.*)[\]>]"
)
_GENERIC = re.compile(r"([\w.:$]+)\s*[\[<].*[\]>]", re.S)
_NOTHING = frozenset({"None", "null", "undefined"})
# fmt: off
_PLAIN = frozenset({
    "Any", "None", "String", "any", "auto", "bool", "boolean", "byte", "bytes", "char", "complex",
    "dict", "double", "error", "f32", "f64", "float", "float32", "float64", "frozenset", "i16", "i32",
    "i64", "i8", "int", "int16", "int32", "int64", "int8", "isize", "list", "long", "never", "null",
    "number", "object", "rune", "set", "short", "str", "string", "tuple", "u16", "u32", "u64", "u8",
    "uint", "uint16", "uint32", "uint64", "uint8", "undefined", "unknown", "usize", "var", "void",
})
# fmt: on
_OPENING, _CLOSING = "([{<", ")]}>"
_NAMED_FIRST = frozenset({"python", "typescript", "javascript", "rust"})  # `name: Type`
_RECEIVER = re.compile(r"func\s*\(\s*(?:(\w+)\s+)?([^)]*)\)")
_NAMED_RESULT = re.compile(r"(?!(?:chan|func|struct|interface)\b)\w+\s+(.+)", re.S)
_DECLARED = re.compile(r"(.*?)[\s*&]+(\w+)", re.S)


def plain_type(written: str) -> str:
    """Return the dotted name of a type, "" for built-in types and for what is no single name."""
    if written.isidentifier():
        return "" if written in _PLAIN else written
    name = written.strip().strip("\"'").strip()
    for _ in range(4):
        name = _MODIFIERS.sub("", name).rstrip("*& ")
        if "|" in name:
            kept = [part.strip() for part in name.split("|") if part.strip() not in _NOTHING]
            name = kept[0] if len(kept) == 1 else ""
        inner = _TRANSPARENT.fullmatch(name)
        if inner is None:
            break
        name = _split(inner[1])[0].strip().strip("\"'")
    generic = _GENERIC.fullmatch(name)
    name = generic[1] if generic else name
    return name if _NAME.fullmatch(name) and name not in _PLAIN else ""


def parameters(signature: str, language: str) -> dict[str, str]:
    """Return the type of each parameter of a signature on one line, "" for one that is not known."""
    found = {}
    signature = _of_java(signature) if language == "java" else signature
    start = signature.find("(")
    if language == "go":
        receiver = _RECEIVER.match(signature)
        if receiver:
            if receiver[1]:
                found[receiver[1]] = plain_type(receiver[2])
            start = signature.find("(", receiver.end())
    if start < 0:
        return found
    given = _split(signature[start + 1 : _end(signature, start)])
    for place, part in enumerate(given):
        name, written = _parameter(part, language)
        if language == "go" and not written:  # `a, b Type`
            written = next(
                (_parameter(each, language)[1] for each in given[place:] if " " in each.strip()), ""
            )
        if name:
            found[name] = plain_type(written)
    return found


def returned(signature: str, language: str) -> str:
    """Return the type that a function gives, "" where its signature does not tell."""
    signature = _of_java(signature) if language == "java" else signature
    start = signature.find("(")
    if language == "go":
        receiver = _RECEIVER.match(signature)
        start = signature.find("(", receiver.end()) if receiver else start
    if start < 0:
        return ""
    after = signature[_end(signature, start) + 1 :].strip()
    if language in ("python", "rust"):
        return plain_type(after.removeprefix("->").partition(" where ")[0]) if after.startswith("->") else ""
    if language in ("typescript", "javascript"):
        return plain_type(after.removeprefix(":").removesuffix("=>")) if after.startswith(":") else ""
    if language == "go":
        return plain_type(_first_of_go(after))
    words = _GENERIC_ARGUMENTS.sub("", signature[:start]).split()
    return plain_type(words[-2]) if len(words) > 1 else ""


_GENERIC_ARGUMENTS = re.compile(r"<[^<>]*>")
_ANNOTATION = re.compile(r"@[\w.]+\s*(?:\((?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*\)\s*)?")


def _of_java(signature: str) -> str:
    """Return a signature without annotations and type arguments, whose brackets and blanks mislead."""
    if "@" in signature:
        signature = _ANNOTATION.sub("", signature)
    while "<" in signature and (plain := _GENERIC_ARGUMENTS.sub("", signature)) != signature:
        signature = plain
    return signature


def _first_of_go(results: str) -> str:
    """Return the type of the first result, which may have a name, and share its type with the next."""
    if not results.startswith("("):
        return results
    parts = [part.strip() for part in _split(results[1 : _end(results, 0)])]
    named = [found[1] for part in parts if (found := _NAMED_RESULT.fullmatch(part))]
    return named[0] if named else parts[0]


def _parameter(part: str, language: str) -> tuple[str, str]:
    """Return (name, type as written) of one parameter."""
    part = _default(part)
    if language in _NAMED_FIRST:
        name, _, written = part.partition(":")
        words = name.replace("?", " ").split()
        return (words[-1].lstrip("*.&") if words else ""), written.strip()
    if language == "go":
        name, _, written = part.strip().partition(" ")
        return name, written.strip()
    declared = _DECLARED.fullmatch(part.strip())
    return (declared[2], declared[1].split(" ")[-1]) if declared else ("", "")


def _default(part: str) -> str:
    """Return a parameter without its default value."""
    depth = 0
    for place, sign in enumerate(part):
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if sign == "=" and depth == 0 and part[place + 1 : place + 2] != ">":
            return part[:place]
    return part


def _end(signature: str, start: int) -> int:
    """Return where the bracket that opens at `start` closes."""
    depth = 0
    for place in range(start, len(signature)):
        sign = signature[place]
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place
    return len(signature)


def _split(given: str) -> list[str]:
    """Split at the commas outside of brackets; an arrow closes none."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(given):
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING and given[place - 1 : place] not in ("-", "="):
            depth -= 1
        elif sign == "," and depth <= 0:
            parts.append(given[start:place])
            start = place + 1
    return [*parts, given[start:]]
