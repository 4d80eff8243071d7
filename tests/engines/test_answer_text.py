from __future__ import annotations

import codecs
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.engines.answer_text import AnswerText

if TYPE_CHECKING:
    from collections.abc import Sequence

# tokens are arbitrary pieces of bytes, so that characters and stop strings span them
pieces = st.lists(st.one_of(st.sampled_from([b"a", b"b", b"ab", b"\n", b"\xc3", b"\xa9", b""]), st.binary()))
stops = st.lists(st.text(alphabet="ab\né", max_size=4), max_size=3)


def stream(tokens: Sequence[bytes], stop: Sequence[str]) -> tuple[list[str], bool]:
    answer = AnswerText(lambda index: tokens[index], stop)
    texts = []
    for index in range(len(tokens)):
        text, stopped = answer.push(index, last=index == len(tokens) - 1)
        texts.append(text)
        if stopped:
            return texts, True
    return texts, False


def reference(tokens: Sequence[bytes], stop: Sequence[str]) -> tuple[str, bool]:
    """Decode everything anew after each token, and look for every stop string in it."""
    text = ""
    for count in range(1, len(tokens) + 1):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(b"".join(tokens[:count]), final=count == len(tokens))
        found = [text.index(string) for string in stop if string and string in text]
        if found:
            return text[: min(found)], True
    return text, False


@given(pieces, stops)
def test_the_joined_text_is_that_of_decoding_everything(tokens: list[bytes], stop: list[str]) -> None:
    texts, stopped = stream(tokens, stop)
    assert ("".join(texts), stopped) == reference(tokens, stop)


@given(st.text(), st.data())
def test_half_characters_are_never_released(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(encoded)))) | {0, len(encoded)})
    tokens = [encoded[start:end] for start, end in itertools.pairwise(cuts)]
    done = ""
    for part in stream(tokens, [])[0]:
        done += part
        assert text.startswith(done)


def test_what_may_become_a_stop_string_is_held_back_and_then_released() -> None:
    assert stream([b"x\n", b"\n", b"y"], ["\n\n\n"])[0] == ["x", "", "\n\ny"]


def test_a_stop_string_across_tokens_never_shows() -> None:
    assert stream([b"done", b"</", b"s", b">more"], ["</s>"]) == (["done", "", "", ""], True)


@pytest.mark.parametrize(("tokens", "texts"), [([b"\xe6\x97", b"\xa5"], ["", "日"]), ([b"\xe6"], ["\ufffd"])])
def test_an_incomplete_character_is_shown_only_at_the_very_end(tokens: list[bytes], texts: list[str]) -> None:
    assert stream(tokens, [])[0] == texts


def test_an_empty_stop_string_stops_nothing() -> None:
    assert stream([b"a"], [""]) == (["a"], False)
