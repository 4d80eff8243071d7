"""The tools' answers, without the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.agents.desk import CHARACTERS, Desk
from inhouse.agents.index_view import IndexView
from inhouse.agents.tools import TOOLS
from inhouse.config import Settings
from inhouse.errors import UserMistake
from inhouse.retrieval.index import Index
from tests.agents.conftest import MONEY, SHOP, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.agents.answers import Answer


def count(text: str) -> int:
    return len(text.split())


class Asking:
    """Calls tools as the server does, for `project`."""

    def __init__(self, project: Project, characters: int = CHARACTERS) -> None:
        self.view = IndexView(project.place)
        self.desk = Desk(
            self.view, project.repo.path, Settings(), lambda: (count, "words"), characters=characters
        )

    def __call__(self, tool: str, **arguments: object) -> Answer:
        return TOOLS[tool].call(self.desk, arguments)


@pytest.fixture
def ask(project: Project) -> Iterator[Asking]:
    asking = Asking(project)
    yield asking
    asking.view.close()


def test_search_says_where_why_and_what(ask: Asking, project: Project) -> None:
    answer = ask("search", query="what all of it costs", k=1)

    (hit,) = answer.results
    assert (hit.path, hit.symbol) == ("app/shop.py", "Cart")
    assert "def total" in hit.text
    assert hit.why
    assert answer.commit == project.commits[-1]
    assert f"app/shop.py:{hit.start_line}-{hit.end_line} Cart (" in answer.text()


def test_a_definition_comes_with_exactly_its_lines(ask: Asking) -> None:
    answer = ask("definition", name="Cart.total")

    (found,) = answer.definitions
    lines = SHOP.split("\n")
    assert found.text.split("\n") == lines[found.start_line - 1 : found.end_line]
    assert (found.name, found.kind, lines[found.start_line - 1]) == (
        "Cart.total",
        "method",
        "    def total(self, prices):",
    )


def test_references_name_the_place_and_its_scope(ask: Asking) -> None:
    answer = ask("references", name="total")

    assert [(one.path, one.line, one.scope, one.kind) for one in answer.references] == [
        ("app/shop.py", 18, "checkout", "calls")
    ]


def test_references_say_what_is_meant_and_how_sure_that_is(ask: Asking) -> None:
    answer = ask("references", name="add")

    assert {one.kind for one in answer.references} >= {"imports", "calls"}
    (called,) = [one for one in answer.references if one.kind == "calls"]
    assert (called.line, called.target, called.certainty) == (13, "app/money.py:add", "resolved")


def test_an_outline_has_every_definition_in_order(ask: Asking, project: Project) -> None:
    answer = ask("outline", path=str(project.repo.path / "app" / "shop.py"))

    assert answer.path == "app/shop.py"
    assert [symbol.name for symbol in answer.symbols] == ["Cart", "Cart.total", "checkout"]


@pytest.mark.parametrize("budget", [16, 40, 100, 1000])
def test_a_context_keeps_to_its_budget(ask: Asking, budget: int) -> None:
    answer = ask("context", task="the sum of two amounts", budget=budget)

    assert answer.tokens == count(answer.context) <= budget
    assert answer.counted_by == "words"


def test_the_history_of_a_line(ask: Asking, project: Project) -> None:
    answer = ask("history", path="app/money.py", line=2)

    newer, older = answer.versions
    assert [newer.commit, older.commit] == project.commits[::-1]
    assert newer.message == "Count in cents: euros lose some"
    assert newer.before[0].text == ['    """Return the sum of two amounts in euros."""']
    assert newer.after[0].text == [MONEY.split("\n")[1]]
    assert f"{newer.commit[:12]} 2024-01-02 12:00 Count in cents" in answer.text()


def test_lines_are_those_of_the_index_and_not_of_the_newest_commit(ask: Asking, project: Project) -> None:
    project.repo.write("app/money.py", "# new\n# new\n" + MONEY)
    project.repo.commit("Later")

    assert ask("history", path="app/money.py", line=2).versions[0].commit == project.commits[-1]


@pytest.mark.parametrize("path", ["/etc/passwd", "../shop/app/shop.py", "app/../../x", "app/shop.py\0"])
def test_paths_outside_of_the_repository_are_refused(ask: Asking, path: str) -> None:
    for tool, more in (("outline", {}), ("history", {"line": 1})):
        with pytest.raises(UserMistake, match="a path lies in the repository"):
            ask(tool, path=path, **more)


def test_a_path_that_is_not_indexed_is_refused_with_one_that_is(ask: Asking, project: Project) -> None:
    """A file that hygiene keeps out of the index has no history either."""
    project.repo.write("key.pem", "secret\n")
    project.repo.commit()

    with pytest.raises(UserMistake) as raised:
        ask("outline", path="shop.py")
    assert str(raised.value) == "a path is one of the index: shop.py; such as app/shop.py."
    with pytest.raises(UserMistake, match="a path is one of the index"):
        ask("history", path="key.pem", line=1)


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("search", {}, "search was called wrongly: query: field required."),
        (
            "search",
            {"query": "  "},
            "search was called wrongly: query: string should have at least 1 character.",
        ),
        ("search", {"query": "x", "k": 51}, "k: input should be less than or equal to 50."),
        ("search", {"query": "x", "limit": 3}, "limit: extra inputs are not permitted."),
        ("outline", {"path": 3}, "path: input should be a valid string."),
        ("history", {"path": "a", "line": 0}, "line: input should be greater than or equal to 1."),
        ("context", {"task": "x", "budget": 1}, "budget: input should be greater than or equal to 16."),
    ],
)
def test_wrong_arguments_are_named_in_one_sentence(
    ask: Asking, tool: str, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserMistake) as raised:
        ask(tool, **arguments)
    assert str(raised.value).endswith(sentence)


def test_long_answers_are_cut_and_say_so(project: Project) -> None:
    body = "".join(f"    value_{number} = {number}  # a number of the table\n" for number in range(900))
    project.repo.write("app/table.py", "".join(f"def table_{n}():\n{body}\n" for n in range(9)))
    project.repo.commit()
    project.index()
    ask = Asking(project, characters=4_000)

    for tool, arguments in (
        ("search", {"query": "number of the table", "k": 50}),
        ("definition", {"name": "table_3"}),
        ("outline", {"path": "app/table.py"}),
    ):
        answer = ask(tool, **arguments)
        assert len(answer.text()) < 6_000
        assert len(answer.model_dump_json()) < 6_000
    found = ask("search", query="number of the table", k=50)
    assert found.left_out > 0
    assert f"({found.left_out} more left out" in found.text()
    assert ask("definition", name="table_3").definitions[0].text.endswith("\n...")
    ask.view.close()


def test_an_index_that_is_deleted_is_no_longer_read(ask: Asking, project: Project) -> None:
    """Who deletes an index wants its content gone, though the open file would still answer."""
    ask("outline", path="app/shop.py")
    project.delete_index()

    with pytest.raises(UserMistake, match="there is no index yet"):
        ask("outline", path="app/shop.py")

    project.repo.write("app/new.py", "def fresh():\n    return 1\n")
    project.repo.commit()
    project.index()
    assert [one.path for one in ask("definition", name="fresh").definitions] == ["app/new.py"]


def test_an_index_that_is_updated_answers_anew_and_while_it_is_written(ask: Asking, project: Project) -> None:
    assert ask("definition", name="fresh").definitions == []
    writer = Index.open(project.place)
    text = "def fresh():\n    return 1\n"
    with writer.store._database.writing():  # an update that has not ended yet
        assert len(ask("definition", name="add").definitions) == 1
    writer.apply([("app/new.py", "1", text)])
    writer.close()

    assert len(ask("definition", name="fresh").definitions) == 1


def test_what_is_no_index_is_said(ask: Asking, project: Project) -> None:
    project.delete_index()
    project.place.write_text("not a database, by far not a database")

    with pytest.raises(UserMistake):
        ask("search", query="x")
