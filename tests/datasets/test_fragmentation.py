"""The tokenizer report against brute force: every count is one that a slow and obvious way gives too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.datasets.fragmentation import Embeddings, count_with, spelling
from inhouse.datasets.material import SourceFile
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import write_tokenizer

CODE = '''\
def read_customer_ids(path):
    """Return what customer_register holds: the ids."""
    # customer_register is only named in comments and documentation
    reader = CustomerReader(path)
    return [value for value in reader.customer_lines() if value]


class CustomerReader:
    limit = 3

    def customer_lines(self):
        return read_customer_ids(self.path) + über_zähler
'''
PROSE = "# Customers\n\nCall read_customer_ids once.\n"


def _files() -> list[SourceFile]:
    return [
        SourceFile("a.py", CODE, "python", "", ()),
        SourceFile("README.md", PROSE, "markdown", "", ()),
    ]


def _spent(text: str, word: str, tokenizer: Tokenizer, skip: re.Pattern[str]) -> list[int]:
    """Return for each place of a word the number of tokens that hold one of its bytes, byte by byte."""
    owners = [n for n, size in enumerate(tokenizer.byte_lengths(tokenizer.encode(text))) for _ in range(size)]
    comments = [range(*match.span()) for match in skip.finditer(text)]
    found = []
    for match in re.finditer(rf"(?<!\w){word}(?!\w)", text):
        if not any(match.start() in comment for comment in comments):
            start, end = (len(text[:place].encode()) for place in match.span())
            found.append(len(set(owners[start:end])))
    return found


def test_every_name_costs_the_tokens_that_hold_its_bytes(tokenizer: Tokenizer) -> None:
    found = spelling(_files(), tokenizer)
    comment = re.compile(r"# .*")
    words = set(re.findall(r"[^\W\d]\w*", comment.sub("", CODE)))
    assert set(found.names) == words
    for word in words:
        name, expected = found.names[word], _spent(CODE, word, tokenizer, comment)
        assert (name.occurrences, name.tokens_spent) == (len(expected), sum(expected)), word
        assert name.tokens == len(tokenizer.encode(word))
    defined = {word for word, name in found.names.items() if name.defined}
    assert {"read_customer_ids", "CustomerReader", "customer_lines"} <= defined
    assert "value" not in defined


def test_characters_and_tokens_are_told_by_language(tokenizer: Tokenizer) -> None:
    report = spelling(_files(), tokenizer).report(tokenizer, Embeddings(64, tied=True))
    told = {own["language"]: (own["files"], own["characters"], own["tokens"]) for own in report["languages"]}
    assert told == {
        "python": (1, len(CODE), len(tokenizer.encode(CODE))),
        "markdown": (1, len(PROSE), len(tokenizer.encode(PROSE))),
    }


def test_the_share_of_fragmented_names_and_its_rule(tokenizer: Tokenizer) -> None:
    found = spelling(_files(), tokenizer)
    fragmented = [word for word in found.names if len(tokenizer.encode(word)) >= 3]
    assert found.fragmented() == len(fragmented) / len(found.names) > 0.2
    assert "consider tokens of your own" in found.report(tokenizer, Embeddings(64, tied=True))["rule"]
    assert {name.name for name in found.worst(1_000)} == set(fragmented)
    assert [name.excess for name in found.worst()] == sorted(
        (found.names[word].excess for word in fragmented), reverse=True
    )
    short = spelling([SourceFile("b.py", "x = y\n", "python", "", ())], tokenizer)
    assert short.fragmented() == 0
    assert "can stay as it is" in short.report(tokenizer, Embeddings(64, tied=True))["rule"]


def test_new_tokens_save_what_a_tokenizer_with_them_saves(tmp_path: Path) -> None:
    """The reference is the library's own encoder with the names added as tokens that are single words."""
    from tokenizers import AddedToken
    from tokenizers import Tokenizer as Backend

    write_tokenizer(tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    found = spelling(_files(), tokenizer)
    for count in (1, 3, 100):
        extension = found.extension(count, tokenizer, Embeddings(64, tied=False))
        backend = Backend.from_file(str(tmp_path / "tokenizer.json"))
        backend.add_tokens([AddedToken(name, single_word=True, normalized=False) for name in extension.names])
        new = sum(len(backend.encode(file.text, add_special_tokens=False).ids) for file in _files())
        assert found.tokens - extension.tokens_saved == new
        assert extension.weights == 2 * 64 * len(extension.names)


def test_the_first_new_token_is_the_one_that_saves_most(tokenizer: Tokenizer) -> None:
    found = spelling(_files()[:1], tokenizer)
    (best,) = found.choose(1)
    whole = len(tokenizer.encode(CODE))
    saved = {word: whole - count_with([CODE], tokenizer, [word]) for word in found.names}
    assert saved[best] == max(saved.values()) > 0
    in_code_only = set(found.names) - {"ids"}
    assert {word: found.names[word].saving for word in in_code_only} == {
        word: saved[word] for word in in_code_only
    }


_WORDS = st.sampled_from(["alpha_beta", "gamma", " ", "\n", "    ", "(", ".", "=", "x", "é", "\t", ","])


@settings(max_examples=60, deadline=None)
@given(st.lists(_WORDS, max_size=30))
def test_what_is_counted_is_what_single_word_tokens_give(tokenizer: Tokenizer, parts: list[str]) -> None:
    """A name that is part of a longer word stays as it is; text between names is encoded by itself."""
    text = "".join(parts)
    pieces = re.split(r"(?<!\w)alpha_beta(?!\w)", text)
    expected = sum(len(tokenizer.encode(piece)) for piece in pieces) + len(pieces) - 1
    assert count_with([text], tokenizer, ["alpha_beta"]) == expected


def test_rows_of_embeddings_are_read_from_the_model() -> None:
    config = json.loads('{"hidden_size": 8, "vocab_size": 120, "tie_word_embeddings": true}')
    found = Embeddings.of(config, 100)
    assert (found.spare, found.weights(3)) == (20, 24)
    assert Embeddings.of(config | {"tie_word_embeddings": False}, 100).weights(3) == 48


def test_text_that_the_vocabulary_cannot_spell_is_no_crash(tokenizer: Tokenizer) -> None:
    found = spelling([SourceFile("c.py", "name = '\ud800'\n", "python", "", ())], tokenizer)
    assert found.languages["python"]["files"] == 1


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_save_is_no_division_by_zero(tokenizer: Tokenizer, count: int) -> None:
    extension = spelling([], tokenizer).extension(count, tokenizer, Embeddings(8, tied=True))
    assert (extension.names, extension.tokens_saved, extension.share_saved) == ((), 0, 0)
