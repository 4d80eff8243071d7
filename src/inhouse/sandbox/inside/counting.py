"""Test programs whose assertions are counted, and whose equalities are not fooled by objects equal to
everything."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["equal_to_everything", "run_counted"]

_COUNT, _EQUAL = "__inhouse_count__", "__inhouse_equal__"
_DEPTH, _ITEMS = 4, 1000


class _Nothing:
    """Equals itself only."""


def run_counted(program: str, space: dict[str, Any]) -> tuple[int, BaseException | None]:
    """Run a test program in `space` and return (assertions that held, what it raised)."""
    passed = 0

    def count() -> None:
        nonlocal passed
        passed += 1

    tree = ast.fix_missing_locations(_Counting().visit(ast.parse(program)))
    try:
        exec(compile(tree, "<tests>", "exec"), space | {_COUNT: count, _EQUAL: _equal})  # noqa: S102
    except BaseException as raised:
        return passed, raised
    return passed, None


def equal_to_everything(value: Any, depth: int = 0) -> bool:
    """Tell whether a value, or one in it, claims to equal an object that it cannot know."""
    if isinstance(value, dict):
        inner = [*dict.keys(value), *dict.values(value)]
    elif isinstance(value, list | tuple | set | frozenset):
        base: Any = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        inner = list(base.__iter__(value))  # not the candidate's own
    else:
        inner = []
    try:
        if bool(value == _Nothing()):
            return True
    except Exception:  # noqa: S110 - arrays, and objects that compare with their own kind only
        pass
    return depth < _DEPTH and any(equal_to_everything(item, depth + 1) for item in inner[:_ITEMS])


def _equal(left: Any, right: Any) -> Any:
    result = left == right
    if equal_to_everything(left):
        raise AssertionError("a value claims to equal everything")
    return result


class _Counting(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> Any:
        self.generic_visit(node)
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            node.test = ast.Call(ast.Name(_EQUAL, ast.Load()), [test.left, test.comparators[0]], [])
        count = ast.Expr(ast.Call(ast.Name(_COUNT, ast.Load()), [], []))
        return [ast.copy_location(new, node) for new in (node, count)]
