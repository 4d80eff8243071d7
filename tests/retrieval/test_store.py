"""Both stores keep one contract: what goes in comes out, and both give the answers of one formula."""

from __future__ import annotations

import math
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.digests import digest_rows, digest_text
from inhouse.errors import UserMistake
from inhouse.records import Chunk, Reference, Symbol
from inhouse.retrieval.index import Index
from inhouse.retrieval.places import Address
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.retrieval.store import FileFacts, FileRow, Store, Words, affordable
from inhouse.retrieval.tables import Tables

_STDLIB = Path(sysconfig.get_path("stdlib"))
_WEIGHTS = (2.0, 3.0, 1.0, 1.5)
_ODD = "tab\t newline\n back\\slash \\N \\. quote' NUL\0 lone\ud800 漢字 \U0001f600 \r\n"


def _chunk(path: str, text: str, start: int = 0) -> Chunk:
    return Chunk(path, "python", "", (), (), 1, 1, start, start + len(text), text)


def _facts(path: str, *bodies: str, digest: str = "") -> FileFacts:
    """Return a file with a chunk for each body, whose words are those of the body."""
    starts = [sum(map(len, bodies[:place])) for place in range(len(bodies))]
    return FileFacts(
        FileRow(path, digest or digest_text("".join(bodies)), "python", "parsed", 0, ""),
        tuple(_chunk(path, body, start) for body, start in zip(bodies, starts, strict=True)),
        tuple(Words("", "", "", body) for body in bodies),
        (),
        (),
    )


def _other(kind: str, tmp_path: Path, place: Address) -> Tables:
    if kind == "sqlite":
        return SqliteStore(tmp_path / "index.db", wait=0.3)
    from inhouse.retrieval.postgres import PostgresStore

    return PostgresStore(place, wait=0.3)


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place_of(kind: str, request: pytest.FixtureRequest) -> Address | None:
    """Only the tests of PostgreSQL start one."""
    return request.getfixturevalue("place") if kind == "postgres" else None


@pytest.fixture
def store(kind: str, tmp_path: Path, place_of: Address) -> Iterator[Tables]:
    with _other(kind, tmp_path, place_of) as store:
        yield store


@pytest.fixture
def second(store: Tables, kind: str, tmp_path: Path, place_of: Address) -> Iterator[Tables]:
    """The same index, opened by somebody else."""
    with _other(kind, tmp_path, place_of) as second:
        yield second


def _paths(store: Store, found: Sequence[tuple[int, float]]) -> list[tuple[str, int, float]]:
    chunks = store.chunks(number for number, _ in found)
    return [(chunks[number].path, chunks[number].start, score) for number, score in found]


# ------------------------------------------------------------------ what goes in comes out


def test_rows_come_back_as_they_went_in_whatever_the_text_holds(store: Tables) -> None:
    path = "src/übung 'a'.py"
    chunks = (
        Chunk(path, "c", "A.b", ("class A:", _ODD), ("import x",), 1, 3, 0, 9, _ODD, ("A", "A.b"), 7),
        Chunk(path, "c", "", (), (), 4, 4, 9, 9, "", (), 0),
    )
    symbols = (
        Symbol(path, "b", "A.b", "method", 2, 3, 4, 9, "def b(self):", 'a\tb\\c"', 8),
        Symbol(path, "A", "A", "class", 1, 3, 0, 9, "class A:", "", 3),
    )
    references = (
        Reference(path, "A.b", "call", "self.close", (), 3, 5, 6),
        Reference(path, "", "import", "os.path", (("j", "join"), ("*", "*")), 1, 0, 2),
    )
    words = (Words("src a", "b a_b", "", "one two one"), Words("", "", "", ""))
    facts = FileFacts(FileRow(path, "d1", "c", "fallback", 3, "it's odd"), chunks, words, symbols, references)
    store.replace([facts])
    assert list(store.files()) == [facts.file]
    assert list(store.chunks_of(path).values()) == list(chunks)
    assert store.symbols_of(path) == [symbols[1], symbols[0]]
    assert store.references_of(path) == [references[1], references[0]]
    assert store.counts() == {"files": 1, "chunks": 2, "symbols": 2, "references": 2, "vectors": 0}
    [(again, vectors)] = store.contents()
    assert (again.file, again.chunks, again.symbols, again.references) == (
        facts.file,
        chunks,
        symbols,
        references,
    )
    assert [[sorted(field.split()) for field in one] for one in again.words] == [
        [["a", "src"], ["a_b", "b"], [], ["one", "one", "two"]],
        [[], [], [], []],
    ]
    assert vectors == {}


def test_what_no_database_keeps_is_written_out_in_names_and_kept_in_texts(store: Tables) -> None:
    path = "a\0\ud800.py"
    store.replace(
        [replace(_facts(path, "x\0\udfffy"), words=(Words("", "", "", ""),), symbols=(_symbol(path, "f\0"),))]
    )
    [file] = store.files()
    assert file.path == "a\\u0000\\ud800.py"
    assert [chunk.text for chunk in store.chunks_of(path).values()] == ["x\0\udfffy"]
    assert [symbol.path for symbol in store.symbols_named(["f\0"])] == [file.path]


def test_the_new_facts_of_a_file_leave_nothing_of_the_old(store: Tables) -> None:
    store.replace([_full("a.py", "old"), _full("b.py", "old")])
    store.put_vectors("m", dict.fromkeys(store.chunks_of("a.py"), np.ones(2)))
    store.replace([_full("a.py", "new")])
    assert store.counts() == {"files": 2, "chunks": 2, "symbols": 2, "references": 2, "vectors": 0}
    assert store.frequencies(["old", "new", "never"]) == {"old": 1, "new": 1}
    assert [symbol.path for symbol in store.symbols_named(["old"])] == ["b.py"]
    assert [reference.path for reference in store.references_to(["old"])] == ["b.py"]
    store.remove(["a.py", "b.py", "never.py"])
    assert set(store.counts().values()) == {0}
    assert (
        list(store.rows()),
        store.frequencies(["old"]),
        store.matching(store.frequencies(["old"]), _WEIGHTS, 3),
    ) == (
        [],
        {},
        [],
    )
    assert list(store.contents()) == []


def test_a_writing_that_fails_leaves_everything_as_it_was(store: Tables) -> None:
    store.replace([_full("a.py", "old")])
    before = list(store.rows())
    broken = replace(_full("b.py", "new"), words=())  # fewer than chunks
    with pytest.raises(ValueError, match="zip"):
        store.replace([_full("a.py", "new"), broken])
    assert list(store.rows()) == before
    assert store.frequencies(["old", "new"]) == {"old": 1}
    assert store.counts()["files"] == 1
    store.replace([_full("a.py", "new")])
    assert store.frequencies(["old", "new"]) == {"new": 1}


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE file; --", '"', "%s", "?", ":v0", "$1", "\\", "a\tb\n", "{}"]
)
def test_names_are_values_and_never_sql(store: Tables, name: str) -> None:
    store.replace([_full(name, name)])
    assert [file.path for file in store.files()] == [name]
    assert [symbol.name for symbol in store.symbols_named([name])] == [name]
    assert store.paths_ending([name]) == [name]
    store.set(name, name)
    assert (store.get(name), store.kept()) == (name, {name: name})
    store.frequencies([name])
    store.remove([name])
    assert list(store.rows()) == []


def test_values_are_kept_by_name(store: Tables, second: Tables) -> None:
    store.set("commit", "abc")
    store.set("commit", {"id": [1, 2.5, None, "é"]})
    assert second.get("commit") == {"id": [1, 2.5, None, "é"]}
    assert second.get("absent") is None


# ------------------------------------------------------------------ names and places


def _symbol(path: str, name: str, start: int = 0) -> Symbol:
    simple = name.rpartition(".")[2]
    return Symbol(path, simple, name, "function", 1, 1, start, start + 1, f"def {simple}():", "", start + 1)


def _full(path: str, name: str) -> FileFacts:
    """Return a file that defines and uses a name."""
    reference = Reference(path, "", "call", name, (), 1, 0, 1)
    return replace(_facts(path, name), symbols=(_symbol(path, name),), references=(reference,))


def test_definitions_are_found_by_simple_and_qualified_name_in_order(store: Tables) -> None:
    one = replace(_facts("z.py", ""), symbols=(_symbol("z.py", "A.run", 5), _symbol("z.py", "run", 1)))
    two = replace(_facts("B.py", ""), symbols=(_symbol("B.py", "A.run"), _symbol("B.py", "other.run", 9)))
    store.replace([one, two])
    found = [(symbol.path, symbol.qualified_name) for symbol in store.symbols_named(["run"])]
    assert found == [("B.py", "A.run"), ("B.py", "other.run"), ("z.py", "run"), ("z.py", "A.run")]
    found = [(symbol.path, symbol.qualified_name) for symbol in store.symbols_named(["A.run"])]
    assert found == [("B.py", "A.run"), ("z.py", "A.run")]
    assert store.symbols_named([]) == []


def test_an_import_is_found_by_its_module_and_by_what_it_takes(store: Tables) -> None:
    path = "a.py"
    imported = Reference(path, "", "import", "pkg.tools", (("b", "build"), ("*", "*"), ("t", "")), 1, 0, 1)
    called = Reference(path, "", "call", "self.build", (), 2, 5, 6)
    store.replace([replace(_facts(path, ""), references=(called, imported))])
    assert store.references_to(["build"]) == [imported, called]
    assert store.references_to(["tools"]) == [imported]
    assert store.references_to(["b", "*", ""]) == []


def test_paths_end_at_a_folder_or_not_at_all(store: Tables) -> None:
    store.replace([_facts(path, "") for path in ("a/b/c.py", "b/c.py", "xb/c.py", "c.py")])
    assert store.paths_ending(["b/c.py"]) == ["a/b/c.py", "b/c.py"]
    assert store.paths_ending(["c.py"]) == ["a/b/c.py", "b/c.py", "c.py", "xb/c.py"]
    assert store.paths_ending(["c", "/c.py", "", "a/b/"]) == []


def test_a_question_may_name_more_than_a_statement_takes(store: Tables) -> None:
    store.replace([_full(f"{number:04}.py", f"name{number}") for number in range(1_100)])
    names = [f"name{number}" for number in range(1_100)]
    assert len(store.symbols_named(names)) == len(store.references_to(names)) == 1_100
    assert (
        len(store.frequencies(names)) == len(store.paths_ending(f"{n:04}.py" for n in range(1_100))) == 1_100
    )
    assert len(store.chunks(range(1, 5_000))) == 1_100
    store.remove([f"{number:04}.py" for number in range(1_100)])
    assert set(store.counts().values()) == {0}


# ------------------------------------------------------------------ words

_WORDS = st.lists(st.sampled_from(["alpha", "beta_1", "gamma", "7", "été"]), max_size=6).map(" ".join)
_CHUNKS = st.lists(st.builds(Words, _WORDS, _WORDS, _WORDS, _WORDS), min_size=1, max_size=8)


@given(_CHUNKS, st.sets(st.sampled_from(["alpha", "beta_1", "gamma", "7", "été", "none"]), min_size=1))
@settings(max_examples=60)
def test_sqlite_scores_are_bm25(chunks: list[Words], query: set[str]) -> None:
    with SqliteStore(Path(":memory:")) as store:
        _scores_are_bm25(store, chunks, query)


def test_postgres_scores_are_bm25(place: Address) -> None:
    from inhouse.retrieval.postgres import PostgresStore

    with PostgresStore(place) as store:

        @given(
            _CHUNKS, st.sets(st.sampled_from(["alpha", "beta_1", "gamma", "7", "été", "none"]), min_size=1)
        )
        @settings(max_examples=40)
        def run(chunks: list[Words], query: set[str]) -> None:
            _scores_are_bm25(store, chunks, query)

        run()


def _scores_are_bm25(store: Tables, chunks: list[Words], query: set[str]) -> None:
    """Files that were there before, and are gone, count no more."""
    path = "a.py"
    facts = _facts(path, *("x" for _ in chunks))
    store.replace([replace(facts, words=tuple(chunks[::-1])), _facts("b.py", "alpha alpha")])
    store.replace([replace(facts, words=tuple(chunks))])
    store.remove(["b.py"])
    assert store.frequencies(query) == _frequencies(chunks, query)
    found = store.matching(store.frequencies(sorted(query)), _WEIGHTS, 5)
    wanted = _bm25(chunks, affordable(_frequencies(chunks, query)))
    assert [score for _, score in found] == pytest.approx([score for _, score in wanted][:5], abs=2e-9)
    assert [start for _, start, _ in _paths(store, found)] == [place for place, _ in wanted][:5]


def _frequencies(chunks: list[Words], query: set[str]) -> dict[str, int]:
    found = {word: sum(any(word in field.split() for field in one) for one in chunks) for word in query}
    return {word: count for word, count in found.items() if count}


def _bm25(chunks: list[Words], query: Sequence[str]) -> list[tuple[int, float]]:
    """Return (place, score) of the matching chunks as https://sqlite.org/fts5.html says, best first."""
    lengths = [sum(len(field.split()) for field in one) for one in chunks]
    average = sum(lengths) / len(chunks)
    found = []
    for place, one in enumerate(chunks):
        score, matches = 0.0, False
        for word in query:
            holding = _frequencies(chunks, {word})[word]
            rarity = max(1e-6, math.log((len(chunks) - holding + 0.5) / (holding + 0.5)))
            counts = [Counter(field.split())[word] for field in one]
            matches |= any(counts)
            frequency = sum(weight * count for weight, count in zip(_WEIGHTS, counts, strict=True))
            score += (
                rarity * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * lengths[place] / average))
                if frequency
                else 0.0
            )
        if matches:
            found.append((place, round(score, 9)))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def test_equal_scores_are_ordered_by_path_and_place_and_not_by_when_they_came(store: Tables) -> None:
    for path in ("c.py", "B.py", "a.py", "é.py", "_.py"):
        store.replace([_facts(path, "alpha", "alpha")])
    best = _paths(store, store.matching(store.frequencies(["alpha"]), (0.0, 0.0, 0.0, 1.0), 3))
    assert [(path, start) for path, start, _ in best] == [("B.py", 0), ("B.py", 5), ("_.py", 0)]


def test_of_files_whose_paths_look_alike_the_last_stays(store: Tables) -> None:
    """A name of bytes that are no text, and one that spells them out: a hostile clone has both."""
    store.replace([_facts("a.py", "first"), _facts("a.py", "second")])
    store.replace([_facts("\udc80.py", "bytes"), _facts("\\udc80.py", "spelt")])
    texts = {
        file.path: [chunk.text for chunk in store.chunks_of(file.path).values()] for file in store.files()
    }
    assert texts == {"\\udc80.py": ["spelt"], "a.py": ["second"]}


# ------------------------------------------------------------------ vectors


def _nearest(store: Tables, vector: np.ndarray, limit: int) -> list[tuple[int, float]]:
    """Ask twice: a store may answer the first question in another way than later ones."""
    found = store.nearest(vector, limit)
    assert store.nearest(vector, limit) == found
    return found


def test_the_nearest_are_those_of_the_largest_cosine(store: Tables) -> None:
    store.replace([_facts(f"{number:02}.py", "x") for number in range(40)])
    random = np.random.default_rng(3)
    vectors = {number: random.normal(size=12) * 50 for number in store.without_vector(100)}
    store.put_vectors("m", vectors)
    asked = random.normal(size=12)
    wanted = {
        number: float(vector @ asked / np.linalg.norm(vector) / np.linalg.norm(asked))
        for number, vector in vectors.items()
    }
    best = sorted(wanted, key=lambda number: -wanted[number])[:7]
    found = _nearest(store, asked, 7)
    assert [number for number, _ in found] == best
    assert [score for _, score in found] == pytest.approx([wanted[number] for number in best], abs=1e-6)
    assert len(_nearest(store, asked, 1_000)) == 40


def test_equal_cosines_are_ordered_by_path_and_a_vector_of_zeros_has_none(store: Tables) -> None:
    store.replace([_facts(path, "x") for path in ("c.py", "a.py", "b.py", "d.py")])
    numbers = {file.path: next(iter(store.chunks_of(file.path))) for file in store.files()}
    values = {"c.py": [2, 0], "a.py": [1, 0], "b.py": [0, 0], "d.py": [-1, 0]}
    store.put_vectors("m", {numbers[path]: np.array(value) for path, value in values.items()})
    found = _paths(store, _nearest(store, np.array([5.0, 0.0]), 3))
    assert found == [("a.py", 0, 1.0), ("c.py", 0, 1.0), ("b.py", 0, 0.0)]


def test_many_equal_cosines_at_the_edge_are_ordered_by_path_too(store: Tables) -> None:
    """A database cuts off among equals by whatever order it has them in: that of putting them in, here."""
    random = np.random.default_rng(8)
    paths = [f"{number:03}.py" for number in random.permutation(60)]
    store.replace([_facts(path, "x") for path in paths])
    numbers = {path: next(iter(store.chunks_of(path))) for path in paths}
    near, far = random.normal(size=(2, 9))
    store.put_vectors("m", {numbers[path]: near if path < "050.py" else far for path in paths})
    found = _paths(store, _nearest(store, near, 5))
    assert found == [(f"{number:03}.py", 0, 1.0) for number in range(5)]


def test_vectors_of_zeros_are_at_right_angles_to_all_and_nothing_is_near_one(store: Tables) -> None:
    store.replace([_facts(f"{number:03}.py", "x") for number in range(50)])
    numbers = [next(iter(store.chunks_of(f"{number:03}.py"))) for number in range(50)]
    values = [*[[0.0, 0, 0]] * 48, [1.0, 1, 0], [-1.0, 0, 0]]
    store.put_vectors("m", dict(zip(numbers, map(np.array, values), strict=True)))
    found = _paths(store, _nearest(store, np.array([1.0, 0, 0]), 3))
    assert found == [("048.py", 0, 0.707107), ("000.py", 0, 0.0), ("001.py", 0, 0.0)]
    assert _nearest(store, np.array([1.0, 0, 0]), 50)[-1] == (numbers[49], -1.0)
    assert _nearest(store, np.zeros(3), 5) == []
    assert store.without_vector(5) == {}


def test_more_neighbours_than_a_database_looks_for_at_once(store: Tables) -> None:
    count = 4_200
    store.replace([_facts("a.py", *map(str, range(count)))])
    numbers = list(store.chunks_of("a.py"))
    angles = np.linspace(0, 3, count)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    store.put_vectors("m", dict(zip(numbers, vectors, strict=True)))
    found = _nearest(store, np.array([1.0, 0]), 4_150)
    assert [number for number, _ in found] == numbers[:4_150]


def test_an_index_holds_the_vectors_of_one_model(store: Tables, second: Tables) -> None:
    store.replace([_facts("a.py", "x", "y")])
    one, two = store.without_vector(5)
    assert _nearest(store, np.ones(3), 5) == []
    store.put_vectors("m", {one: np.ones(3)})
    assert second.get("vectors") == {"model": "m", "dimension": 3}
    for model, dimension in (("other", 3), ("m", 4)):
        with pytest.raises(UserMistake, match="vectors of one model"):
            second.put_vectors(model, {two: np.ones(dimension)})
    with pytest.raises(UserMistake, match="vectors of one model"):
        _nearest(second, np.ones(4), 1)
    assert list(second.without_vector(5)) == [two]
    assert store.counts()["vectors"] == 1
    store.put_vectors("m", {one: np.array([1.0, 0, 0])})
    assert (store.counts()["vectors"], _nearest(second, np.array([1.0, 0, 0]), 2)) == (1, [(one, 1.0)])


def test_the_vector_of_a_text_that_is_gone_meets_no_other(store: Tables) -> None:
    """Somebody computes vectors while somebody else replaces the file."""
    store.replace([_facts("a.py", "x")])
    numbers = list(store.without_vector(5))
    store.remove(["a.py"])
    store.replace([_facts("b.py", "y")])
    store.put_vectors("m", {numbers[0]: np.ones(2)})
    assert store.counts()["vectors"] == 0
    assert [chunk.text for chunk in store.without_vector(5).values()] == ["y"]


# ------------------------------------------------------------------ several at once


def test_a_reader_holds_one_state_while_another_writes(store: Tables, second: Tables) -> None:
    store.replace([_facts("a.py", "old")])
    with second.reading():
        assert second.frequencies(["old"]) == {"old": 1}
        store.replace([_facts("a.py", "new"), _facts("b.py", "new")])
        assert second.frequencies(["old", "new"]) == {"old": 1}
        assert [file.path for file in second.files()] == ["a.py"]
    assert second.frequencies(["old", "new"]) == {"new": 2}


def test_a_second_writer_waits_and_then_says_why(store: Tables, second: Tables) -> None:
    with store._database.writing():
        with pytest.raises(UserMistake, match=r"one process at a time writes an index.*0\.3 seconds"):
            second.replace([_facts("a.py", "x")])
        assert second.counts()["files"] == 0  # readers go on
    second.replace([_facts("a.py", "x")])
    assert store.counts()["files"] == 1


# ------------------------------------------------------------------ both are one

_BODIES = st.lists(st.sampled_from(["alpha", "alpha beta", "", "gamma gamma"]), max_size=3)
_TREES = st.lists(
    st.dictionaries(st.sampled_from(["a.py", "b/c.py", "d.py"]), _BODIES), min_size=2, max_size=4
)


def test_updated_or_built_anew_the_rows_are_the_same_in_both(tmp_path: Path, place: Address) -> None:
    from inhouse.retrieval.postgres import PostgresStore

    with SqliteStore(Path(":memory:")) as one, PostgresStore(place) as other:

        @given(_TREES)
        @settings(max_examples=25)
        def run(trees: list[dict[str, list[str]]]) -> None:
            for store in (one, other):
                for tree in trees:
                    store.remove([file.path for file in store.files() if file.path not in tree])
                    store.replace([_facts(path, *bodies) for path, bodies in tree.items()])
            with SqliteStore(Path(":memory:")) as fresh:
                fresh.replace([_facts(path, *bodies) for path, bodies in sorted(trees[-1].items())])
                wanted = list(fresh.rows())
                assert list(one.rows()) == list(other.rows()) == wanted
                assert one.counts() == other.counts() == fresh.counts()
                best = [
                    _paths(store, store.matching(store.frequencies(["alpha", "gamma"]), _WEIGHTS, 4))
                    for store in (one, other, fresh)
                ]
                assert best[0] == best[1] == best[2]

        run()


def test_both_answer_alike_about_a_real_library_before_and_after_a_commit(place: Address) -> None:
    from inhouse.retrieval.postgres import PostgresStore

    files = _library()
    with SqliteStore(Path(":memory:")) as one, PostgresStore(place) as other:
        for store in (one, other):
            Index(store).update(files)
        _answer_alike(one, other)
        path, _, text = files[5]
        changed = [(path, "another", text + "\n\ndef open_archive(path):\n    return path\n")]
        for store in (one, other):
            Index(store).apply(changed, [files[2][0], files[7][0]])
        _answer_alike(one, other)


def _library() -> list[tuple[str, str, str]]:
    paths = sorted(path for path in _STDLIB.glob("*.py") if path.stat().st_size < 60_000)[:40]
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in paths]
    return [(name, digest_text(text), text) for name, text in texts]


def _answer_alike(one: Tables, other: Tables) -> None:
    assert digest_rows(one.rows()) == digest_rows(other.rows())
    assert one.counts() == other.counts()
    rows = [row for row in one.rows() if row[0] == "symbol"]
    names = sorted({str(row[2]) for row in rows})[::7]
    queries = [*("self return", "open file path", "parse the header of an archive", "__init__"), *names[:80]]
    for query in queries:
        words = query.lower().split()
        assert one.frequencies(words) == other.frequencies(words)
        assert _paths(one, one.matching(one.frequencies(words), _WEIGHTS, 20)) == _paths(
            other, other.matching(other.frequencies(words), _WEIGHTS, 20)
        )
    for query in queries[:12]:
        assert Index(one).search(query, 10) == Index(other).search(query, 10)
    assert one.symbols_named(names) == other.symbols_named(names)
    assert one.references_to(names) == other.references_to(names)
    assert one.paths_ending(["abc.py", "ast.py"]) == other.paths_ending(["abc.py", "ast.py"])
