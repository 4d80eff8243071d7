from __future__ import annotations

import numpy as np
import pytest

from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.retrieval.index import Index
from inhouse.retrieval.vectors import VectorsUnavailable

FILES = {
    "a.py": "def remove_folder(path):\n    shutil.rmtree(path)\n",
    "b.py": "def parse_date(text):\n    return text\n",
    "c.py": "def start():\n    pass\n",
}


class Planted:
    """Vectors by what a text holds: whatever the words, deleting is deleting."""

    weight = 0.5
    dimension = 2

    def __init__(self, name="planted", fails=()):
        self.name, self.fails, self.texts = name, set(fails), []

    def documents(self, texts):
        self.texts += texts
        if "documents" in self.fails:
            raise VectorsUnavailable("a source of vectors must answer", "it is down", "start it")
        return np.array(
            [(1, 0) if "rmtree" in text or "erase" in text else (0, 1) for text in texts], np.float32
        )

    def queries(self, texts):
        if "queries" in self.fails:
            raise VectorsUnavailable("a source of vectors must answer", "it is down", "start it")
        return self.documents(texts)


def files(changed=()):
    return [(path, digest_text(text), text) for path, text in {**FILES, **dict(changed)}.items()]


@pytest.fixture
def index(tmp_path):
    index = Index.open(tmp_path / "index.db")
    index.update(files())
    yield index
    index.close()


def _with(index, source):
    index.vectors = source
    return index


def test_only_chunks_without_a_vector_are_embedded(index):
    source = Planted()
    assert _with(index, source).embed() == 3
    assert _with(index, source).embed() == 0
    index.update(files({"b.py": "def parse_date(text):\n    return int(text)\n"}.items()))
    source.texts.clear()
    assert _with(index, source).embed() == 1
    assert source.texts == ["b.py\ndef parse_date(text):\n    return int(text)\n"]
    assert index.status()["vectors"] == 3
    assert index.status()["vectors_of"] == {"model": "planted", "dimension": 2}


def test_vectors_of_another_model_are_refused_and_change_nothing(index):
    _with(index, Planted()).embed()
    index.update(files({"b.py": "x = 1\n"}.items()))
    with pytest.raises(UserMistake, match="one model"):
        _with(index, Planted("other")).embed()
    assert index.status()["vectors"] == 2
    assert index.status()["vectors_of"] == {"model": "planted", "dimension": 2}


def test_a_source_that_is_down_leaves_what_is_done(index, monkeypatch):
    monkeypatch.setattr("inhouse.retrieval.index._BATCH_VECTORS", 1)
    source = Planted()
    made = source.documents

    def fails_at_the_third(texts):
        if len(source.texts) == 2:
            raise VectorsUnavailable("a source of vectors must answer", "it is down", "start it")
        return made(texts)

    source.documents = fails_at_the_third
    with pytest.raises(VectorsUnavailable):
        _with(index, source).embed()
    assert index.status()["vectors"] == 2
    assert _with(index, Planted()).embed() == 1


def test_a_search_finds_by_meaning_what_shares_no_word(index):
    _with(index, Planted()).embed()
    assert _with(index, None).search("erase") == []
    [best, *_] = _with(index, Planted()).search("erase")
    assert best.chunk.path == "a.py"
    assert "meaning" in best.why


def test_a_search_goes_on_by_words_and_says_so_when_the_source_is_down(index):
    _with(index, Planted()).embed()
    [by_words] = _with(index, None).search("parse date")
    [found] = _with(index, Planted(fails=["queries"])).search("parse date")
    assert (found.chunk, found.score) == (by_words.chunk, by_words.score)
    assert "by words only" in found.why
    assert "it is down" in found.why


def test_a_search_with_another_model_goes_on_by_words_and_says_so(index):
    _with(index, Planted()).embed()
    [found] = _with(index, Planted("other")).search("parse date")
    assert "by words only" in found.why
    assert "planted, not other" in found.why


def test_vectors_do_not_change_what_an_index_is(index):
    before = index.digest()
    _with(index, Planted()).embed()
    assert index.digest() == before
