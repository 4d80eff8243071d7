"""The corpus of real repositories."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from inhouse.config import Hygiene, Sources
from inhouse.errors import UserMistake
from inhouse.hygiene import cleaning
from inhouse.hygiene.corpus import Corpus, write_corpus
from inhouse.hygiene.secrets import rules_digest
from inhouse.hygiene.vendored import Layout
from inhouse.hygiene.verdicts import REASONS
from inhouse.progress import Progress
from inhouse.records import Document, Finding, Occurrence, Split
from inhouse.sources.git import Repository
from inhouse.sources.history import write_history
from tests.gitrepo import GitRepo
from tests.hygiene.samples import fill, private_key, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CODE = "".join(f"def function_{n}(value):\n    return value * {n}\n\n\n" for n in range(30))


# ------------------------------------------------------------ making one


def _other(name: str) -> str:
    return CODE.replace("function", name).replace("value", f"{name}_value")


def _history(repo: GitRepo, folder: Path, validation_cut: str = "", cut: str = "") -> Path:
    tip = repo.tip
    split = Split(cut or tip, validation_cut, tip, 0, 0, False, "chosen by the test")
    folder.mkdir()
    write_history(
        Repository.open(repo.path), Sources(), lambda commits, changes: split, folder, Progress.silent()
    )
    return folder


def _corpus(
    repo: GitRepo, history: Path, folder: Path, workers: int = 1, sources: Sources | None = None
) -> Corpus:
    folder.mkdir(exist_ok=True)
    write_corpus(
        Repository.open,
        repo.path,
        history,
        Hygiene(),
        sources or Sources(),
        "project",
        folder,
        workers,
        Progress.silent(),
    )
    return Corpus(folder)


def _removed(corpus: Corpus, kind: str = "file") -> dict[str, str]:
    return {item.path: item.removed for item in corpus.occurrences if item.kind == kind and item.removed}


def _text(corpus: Corpus, path: str, kind: str = "file") -> str:
    (item,) = [item for item in corpus.occurrences if (item.kind, item.path) == (kind, path)]
    return corpus.documents([item.document])[item.document].text


@pytest.fixture(scope="module")
def motley(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepo, Path, Corpus]:
    """A repository with a file for every reason."""
    folder = tmp_path_factory.mktemp("motley")
    repo = GitRepo(folder / "project")
    repo.write("src/main.py", CODE)
    repo.write("src/copy.py", CODE)
    repo.write("src/nearly.py", CODE.replace("function_3(", "function_three("))
    repo.write("src/windows.py", _other("window").encode("utf-16"))
    repo.write("src/western.py", ("# Größe und Länge\n" + _other("western")).encode("latin-1"))
    repo.write("src/eastern.py", ("# 缓冲区的大小\n" + _other("eastern")).encode("gbk"))
    repo.write("src/__init__.py", "\n")
    repo.write("src/icon.png", b"\x89PNG\r\n\x1a\n\0\0\0")
    repo.write("src/huge.py", "x = 1\n" * 200_000)
    repo.write("src/app.min.js", "a(1);" * 100)
    repo.write("src/api_pb2.py", _other("proto"))
    repo.write("src/points.csv", "1,2\n" * 100)
    repo.write("third_party/zlib/zlib.c", _other("zlib"))
    repo.write("third_party/zlib/copy.py", CODE)
    repo.write("deps/lua/COPYRIGHT", "Free.\n")
    repo.write("deps/lua/lua.c", _other("lua"))
    repo.write("deps/ours.py", _other("ours"))
    repo.write("old/kept.c", _other("attribute"))
    repo.write("old/.gitattributes", "*.c linguist-vendored\n")
    repo.write("private/notes.py", _other("private"))
    repo.write("keys/server.key", private_key() + "\n")
    repo.write("src/settings.py", f'TOKEN = "{fill("ghp_{A36}")}"\n{_other("setting")}')
    repo.symlink("link.py", "src/main.py")
    repo.submodule("module")
    repo.commit("Begin")
    history = _history(repo, folder / "history")
    return repo, history, _corpus(repo, history, folder / "corpus", sources=Sources(exclude=("/private/",)))


# ------------------------------------------------------------ reasons


def test_every_reason_is_given_where_it_applies(motley: tuple[GitRepo, Path, Corpus]) -> None:
    assert _removed(motley[2]) == {
        "deps/lua/COPYRIGHT": "vendored",
        "deps/lua/lua.c": "vendored",
        "keys/server.key": "secret",
        "link.py": "link",
        "module": "submodule",
        "old/kept.c": "vendored",
        "private/notes.py": "excluded",
        "src/__init__.py": "empty",
        "src/api_pb2.py": "generated",
        "src/app.min.js": "minified",
        "src/eastern.py": "encoding",
        "src/huge.py": "huge",
        "src/icon.png": "binary",
        "src/main.py": "duplicate",
        "src/nearly.py": "near-duplicate",
        "src/points.csv": "data",
        "third_party/zlib/copy.py": "vendored",
        "third_party/zlib/zlib.c": "vendored",
    }


def test_what_is_removed_is_forbidden_what_its_reason_says(motley: tuple[GitRepo, Path, Corpus]) -> None:
    for item in motley[2].occurrences:
        assert item.forbids == (REASONS[item.removed].forbids if item.removed else ())


def test_in_is_kept_plus_removed(motley: tuple[GitRepo, Path, Corpus]) -> None:
    counts = motley[2].counts()
    assert counts["in"] == len(motley[2].occurrences) == counts["kept"] + sum(counts["removed"].values())
    kinds = counts["by_kind"].values()
    assert counts["in"] == sum(kind["in"] for kind in kinds)
    assert counts["kept"] == sum(kind["kept"] for kind in kinds)
    assert counts["removed"] == dict(sum((Counter(kind["removed"]) for kind in kinds), Counter()))
    assert counts["redacted"] == 1
    assert counts["secrets"] == {"github-token": 1, "private-key": 1}
    assert counts["transcoded"] == 2


def test_a_copy_is_searchable_and_names_the_one_that_is_kept(motley: tuple[GitRepo, Path, Corpus]) -> None:
    corpus = motley[2]
    ids = {item.path: item.id for item in corpus.occurrences if item.kind == "file"}
    details = {finding.occurrence: finding.detail for finding in corpus.findings()}
    assert details[ids["src/main.py"]] == "as src/copy.py"
    assert details[ids["src/nearly.py"]].endswith(" as src/copy.py")
    searchable = [path for path, _ in corpus.tree(motley[1], motley[0].tip, "index")]
    assert {"src/main.py", "src/nearly.py", "third_party/zlib/zlib.c"} <= set(searchable)


def test_a_tree_gives_what_a_use_allows_in_path_order(motley: tuple[GitRepo, Path, Corpus]) -> None:
    repo, history, corpus = motley
    train = [path for path, _ in corpus.tree(history, repo.tip, "train")]
    assert train == [
        "deps/ours.py",
        "old/.gitattributes",
        "src/copy.py",
        "src/settings.py",
        "src/western.py",
        "src/windows.py",
    ]
    served = {path for path, _ in corpus.tree(history, repo.tip, "serve")}
    assert served - {path for path, _ in corpus.tree(history, repo.tip, "index")} == {
        "src/api_pb2.py",
        "src/app.min.js",
        "src/points.csv",
    }


def test_small_batches_read_the_same_tree(
    motley: tuple[GitRepo, Path, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, history, corpus = motley
    whole = list(corpus.tree(history, repo.tip, "serve"))
    monkeypatch.setattr("inhouse.hygiene.corpus._BATCH_BYTES", 100)
    assert list(corpus.tree(history, repo.tip, "serve")) == whole


def test_text_is_decoded_and_redacted(motley: tuple[GitRepo, Path, Corpus]) -> None:
    corpus = motley[2]
    assert _text(corpus, "src/windows.py") == _other("window")
    assert _text(corpus, "src/western.py").startswith("# Größe und Länge\n")
    assert _text(corpus, "src/settings.py").startswith('TOKEN = "<redacted:github-token>"\ndef ')


def test_findings_point_at_placeholders_and_never_hold_a_value(motley: tuple[GitRepo, Path, Corpus]) -> None:
    corpus = motley[2]
    (item,) = [item for item in corpus.occurrences if item.path == "src/settings.py"]
    (finding,) = [each for each in corpus.findings() if each.occurrence == item.id]
    text = corpus.documents([item.document])[item.document].text.encode()
    assert text[finding.start : finding.end] == b"<redacted:github-token>"
    assert (finding.rule, finding.line, finding.verdict, finding.detail) == (
        "github-token",
        1,
        "redact",
        "token",
    )


def test_what_may_not_be_used_at_all_is_not_stored(motley: tuple[GitRepo, Path, Corpus]) -> None:
    corpus = motley[2]
    for item in corpus.occurrences:
        stored = bool(corpus.documents([item.document]))
        assert stored == (item.forbids != ("train", "index", "serve")), item.path


def test_an_unknown_document_is_left_out(motley: tuple[GitRepo, Path, Corpus]) -> None:
    assert motley[2].documents(["0" * 40]) == {}
    assert motley[2].documents([]) == {}


def test_the_verdicts_of_the_shards_do_not_stay(motley: tuple[GitRepo, Path, Corpus], tmp_path: Path) -> None:
    names = sorted(path.name for path in motley[2]._folder.iterdir())
    assert names == [
        "counts.json",
        "documents-00000.parquet",
        "documents-00001.parquet",
        "findings.parquet",
        "occurrences.parquet",
    ]


# ------------------------------------------------------------ history


def test_versions_messages_and_files_are_occurrences_of_their_own(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", _other("first"))
    first = repo.commit("First")
    repo.write("a.py", _other("second"))
    repo.write("b.py", _other("first"))
    second = repo.commit("Second")
    repo.rename("a.py", "c.py")
    third = repo.commit("")
    corpus = _corpus(repo, _history(repo, tmp_path / "history"), tmp_path / "corpus")
    seen = [(item.kind, item.path, item.revision, item.removed) for item in corpus.occurrences]
    assert sorted(seen) == sorted(
        [
            ("file", "b.py", third, ""),
            ("file", "c.py", third, ""),
            ("message", "", first, ""),
            ("message", "", second, ""),
            ("message", "", third, "empty"),
            ("version", "a.py", first, ""),
            ("version", "a.py", second, ""),
        ]
    )
    dates = {item.revision: item.date for item in corpus.occurrences}
    assert dates[first] < dates[second] < dates[third]


def test_a_message_is_found_by_its_commit(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", CODE)
    token = fill("ghp_{A36}")
    rest = "Nothing else changes; the services read the new one when they start again."
    commit = repo.commit(f"Rotate {token}\n\nThe password was 'hunter2x9'. {rest}\n")
    corpus = _corpus(repo, _history(repo, tmp_path / "history"), tmp_path / "corpus")
    text = f"Rotate <redacted:github-token>\n\nThe password was '<redacted:password-prose>'. {rest}\n"
    assert corpus.documents([commit]) == {commit: Document(commit, text, 2)}


def test_a_version_that_was_replaced_stands_at_the_parent(tmp_path: Path) -> None:
    """Its own commit lies outside of the kept history: only the change that ended it names it."""
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", _other("first"))
    first = repo.commit("First")
    repo.write("a.py", _other("second"))
    repo.commit("Second")
    history = _history(repo, tmp_path / "history")
    rows = pq.read_table(history / "changes.parquet")
    keep = [row["commit"] != first for row in rows.to_pylist()]
    pq.write_table(rows.filter(keep), history / "changes.parquet")
    corpus = _corpus(repo, history, tmp_path / "corpus")
    (version,) = [item for item in corpus.occurrences if item.kind == "version"]
    assert (version.path, version.revision) == ("a.py", first)


def test_versions_of_one_path_are_no_copies_of_each_other(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    for number in range(4):
        repo.write("a.py", CODE + f"x = {number}\n")
        repo.commit(f"Change {number}")
    corpus = _corpus(repo, _history(repo, tmp_path / "history"), tmp_path / "corpus")
    assert corpus.counts()["removed"] == {}


def test_only_the_tree_that_is_trained_on_is_compared(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", CODE)
    first = repo.commit("First")
    repo.write("b.py", CODE)
    second = repo.commit("Second")
    repo.write("c.py", CODE)
    repo.commit("Third")
    history = _history(repo, tmp_path / "history", validation_cut=first, cut=second)
    corpus = _corpus(repo, history, tmp_path / "corpus")
    assert _removed(corpus) == {}
    assert {item.path: item.revision for item in corpus.occurrences if item.kind == "file"} == {
        "a.py": first,
        "b.py": second,
        "c.py": repo.tip,
    }


def test_the_same_content_is_judged_at_each_path(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    repo.write("src/a.py", CODE)
    repo.write("node_modules/a.py", CODE)
    repo.commit("Begin")
    history = _history(repo, tmp_path / "history")
    corpus = _corpus(repo, history, tmp_path / "corpus", sources=Sources(exclude=("src/",)))
    assert _removed(corpus) == {"src/a.py": "excluded", "node_modules/a.py": "vendored"}
    assert _text(corpus, "node_modules/a.py") == CODE


def test_missing_contents_are_counted(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", CODE)
    repo.write("b.py", _other("b"))
    repo.commit("Begin")
    history = _history(repo, tmp_path / "history")
    lost = repo.resolve("HEAD:a.py")
    (repo.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    corpus = _corpus(repo, history, tmp_path / "corpus")
    assert _removed(corpus) == {"a.py": "missing"}


# ------------------------------------------------------------ no secret anywhere


def test_no_artefact_holds_any_of_the_secrets(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Secrets of every kind: in files, in versions that are gone from the tree, and in messages."""
    repo, secrets = _leaky_repository(tmp_path / "project")
    assert len(secrets) > 300
    history = _history(repo, tmp_path / "history")
    log = tmp_path / "log.txt"
    progress = Progress(log)
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_corpus(Repository.open, repo.path, history, Hygiene(), Sources(), "project", folder, 1, progress)
    progress.close()
    written = [log.read_text(), *capfd.readouterr()]
    written += [_plain_content(path) for path in sorted(folder.iterdir())]
    everything = "\n".join(written)
    assert [secret for secret in secrets if secret in everything] == []
    assert everything.count("<redacted:") > len(secrets) / 2
    assert Corpus(folder).counts()["removed"].get("secret", 0) >= 1


def _leaky_repository(path: Path) -> tuple[GitRepo, list[str]]:
    repo = GitRepo(path)
    secrets = []
    for seed, where in enumerate(("version", "file", "message")):
        texts: list[str] = []
        for number, sample in enumerate(samples(seed)):
            secrets += [line for line in sample.secret.split("\n") if "PRIVATE KEY" not in line]
            if where == "message":
                texts.append(sample.text)
            else:
                folder = Path(sample.path)
                name = f"{folder.parent}/part{number}/{folder.name}"
                repo.write(name, f"{sample.text}{_other(f'part{number}')}")
        if where == "version":
            repo.write("key.pem", private_key(seed="whole") + "\n")
            secrets += private_key(seed="whole").split("\n")[1:-1]
        for number in range(0, len(texts), 20):
            repo.write("count.txt", f"{number}\n")
            words = "What the parts need to be configured, as the old system had it. " * 80
            repo.commit("\n".join(["Configure", "", words, *texts[number : number + 20]]))
        repo.commit(f"Add the {where}s")
    return repo, secrets


def _plain_content(path: Path) -> str:
    if path.suffix != ".parquet":
        return path.read_text()
    table = pq.read_table(path)
    stored = io.StringIO()
    for row in table.to_pylist():
        stored.write("\n".join(str(value) for value in row.values()) + "\n")
    return stored.getvalue() + str(table.schema.metadata) + path.read_bytes().decode("latin-1")


# ------------------------------------------------------------ determinism and interruption


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "_SHARD_BYTES", 2_000)
    monkeypatch.setattr(cleaning, "_SHARD_MESSAGES", 3)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, small_shards: None) -> None:
    repo = GitRepo(tmp_path / "project")
    for number in range(8):
        repo.write(f"src/m{number}.py", _other(f"m{number}") + f'password = "{fill("{A12}1", number)}"\n')
        repo.write(f"src/copy{number % 3}.py", CODE)
        repo.commit(f"Change {number}")
    history = _history(repo, tmp_path / "history")
    results = []
    for workers in (1, 2, 3):
        _corpus(repo, history, tmp_path / f"corpus{workers}", workers)
        results.append(_bytes(tmp_path / f"corpus{workers}"))
    assert sum(name.startswith("documents") for name in results[0]) > 6
    assert results[0] == results[1] == results[2]


class _Killed(Exception):
    pass


@pytest.mark.parametrize("point", ["document shards", "occurrences", "findings", "counts", "clean-up"])
def test_a_run_that_was_killed_is_finished_to_the_same_bytes(
    tmp_path: Path, small_shards: None, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    repo = GitRepo(tmp_path / "project")
    for number in range(4):
        repo.write(f"m{number}.py", _other(f"m{number}"))
        repo.commit(f"Change {number}")
    history = _history(repo, tmp_path / "history")
    _corpus(repo, history, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(_Killed):
        _kill_at(point, patch)
        _corpus(repo, history, tmp_path / "killed")
    assert _bytes(tmp_path / "killed") != _bytes(tmp_path / "whole")
    _corpus(repo, history, tmp_path / "killed")
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")


def _kill_at(point: str, patch: pytest.MonkeyPatch) -> None:
    """Let the run die at the third shard, or before it writes a file, or while it cleans up."""
    import inhouse.hygiene.corpus as corpus

    if point == "document shards":
        calls = iter(range(3))
        real = corpus.clean_shard
        patch.setattr(corpus, "clean_shard", lambda *args: real(*args) if next(calls, 9) < 2 else _die())
    elif point == "clean-up":
        unlink = Path.unlink
        removed = iter(range(2))
        patch.setattr(Path, "unlink", lambda path: unlink(path) if next(removed, 9) < 1 else _die())
    elif point == "counts":
        patch.setattr(corpus, "write_json", lambda *args: _die())
    else:
        real_write = corpus.write_records
        patch.setattr(
            corpus,
            "write_records",
            lambda path, *args: _die() if point in path.name else real_write(path, *args),
        )


def _die() -> None:
    raise _Killed


def test_the_artefact_names_no_place_of_this_machine(motley: tuple[GitRepo, Path, Corpus]) -> None:
    everything = "".join(_plain_content(path) for path in motley[2]._folder.iterdir())
    assert str(motley[0].path) not in everything
    assert json.loads((motley[2]._folder / "counts.json").read_text())


def test_records_come_back_as_they_were_written(motley: tuple[GitRepo, Path, Corpus]) -> None:
    assert all(isinstance(item, Occurrence) for item in motley[2].occurrences)
    assert all(isinstance(item, Finding) for item in motley[2].findings())
    assert len({item.id for item in motley[2].occurrences}) == len(motley[2].occurrences)


# ------------------------------------------------------------ the user's rules


def test_the_users_rules_are_used_and_their_notes_told(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nid = "serial"\nregex = "SN-[0-9]{8}"\nreport = "no"\n')
    repo = GitRepo(tmp_path / "project")
    repo.write("a.py", f"serial = 'SN-12345678'\n{CODE}")
    repo.commit("Begin")
    history = _history(repo, tmp_path / "history")
    folder, log = tmp_path / "corpus", tmp_path / "log.txt"
    folder.mkdir()
    progress = Progress(log, quiet=True)
    settings = Hygiene(rules=(rules,))
    write_corpus(Repository.open, repo.path, history, settings, Sources(), "project", folder, 1, progress)
    progress.close()
    assert _text(Corpus(folder), "a.py").startswith("serial = '<redacted:serial>'\n")
    assert "secret rules: rule 'serial': report is not supported and ignored" in log.read_text()


def test_rules_that_change_under_the_workers_are_noticed(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nid = "a"\nregex = "a"\n')
    digest = rules_digest([rules])
    rules.write_text('[[rules]]\nid = "a"\nregex = "b"\n')
    with pytest.raises(UserMistake, match="must stay as they are"):
        cleaning.load_scanner((rules,), digest)


# ------------------------------------------------------------ what a worker needs


class _InMemory:
    """A reader that is no git repository."""

    def read(self, documents: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, name.encode()) for name in documents if name != "gone")

    def sizes(self, documents: Iterable[str]) -> Iterator[tuple[str, int]]:
        return ((name, len(name)) for name in documents)

    def messages(self, commits: Iterable[str]) -> Iterator[tuple[str, str]]:
        return ((commit, f"message of {commit}") for commit in commits)


def _open_in_memory(path: Path) -> _InMemory:
    return _InMemory()


_METHOD = cleaning.Method(_open_in_memory, Path(), (), rules_digest(), Layout())


def _shard(kind: str, names: Sequence[str]) -> cleaning.Shard:
    documents = tuple((name, (f"{name}.py",)) for name in names)
    return cleaning.Shard(kind, documents, _METHOD)


def test_a_document_that_vanishes_between_listing_and_reading_is_missing(tmp_path: Path) -> None:
    cleaning.clean_shard(_shard("blob", ["a", "gone", "b"]), tmp_path / "documents-00000.parquet")
    verdicts = pq.read_table(tmp_path / "verdicts-00000.parquet").to_pylist()
    assert [(row["document"], row["problem"]) for row in verdicts] == [
        ("a", ""),
        ("b", ""),
        ("gone", "missing"),
    ]
    documents = pq.read_table(tmp_path / "documents-00000.parquet").to_pylist()
    assert [row["digest"] for row in documents] == ["a", "b"]


def test_shards_are_cut_by_size_alone() -> None:
    sizes = [(f"{number:02d}", ("a.py",), 1_500_000) for number in range(7)]
    shards, weights = cleaning.plan_shards(sizes, ["c1", "c2"], _METHOD)
    assert [len(shard.documents) for shard in shards] == [3, 3, 1, 2]
    assert [shard.kind for shard in shards] == ["blob", "blob", "blob", "message"]
    assert weights == [4_500_000, 4_500_000, 1_500_000, 400]


def test_a_reader_is_opened_in_each_worker_not_sent_to_it(tmp_path: Path) -> None:
    import pickle

    shard = pickle.loads(pickle.dumps(_shard("blob", ["a"])))
    cleaning.clean_shard(shard, tmp_path / "documents-00000.parquet")
    assert (tmp_path / "documents-00000.parquet").exists()
    shutil.rmtree(tmp_path)
