"""What other tools are told of a row never makes them learn what the row carries no loss on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.datasets.export import Conversations, row_form
from inhouse.datasets.formats import example
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example


@pytest.fixture
def plain(tokenizer: Tokenizer) -> Example:
    head = tokenizer.document(repository="shop", path="src/a.py")
    text = tokenizer.encode("good = 1\nbad = 2\nfine = 3\n")
    return example("continuation", "train", tokenizer, (head, text), ["one"], "")


def test_plain_text_has_an_empty_prompt(tokenizer: Tokenizer, plain: Example) -> None:
    form = row_form(plain, tokenizer, Conversations(tokenizer), ["src/a.py"])
    assert form == ("", plain.text, ())


def test_code_without_loss_inside_a_row_is_left_out(tokenizer: Tokenizer, plain: Example) -> None:
    guarded = replace(plain, trained=(*plain.trained[:-6], False, False, *plain.trained[-4:]))
    assert row_form(guarded, tokenizer, Conversations(tokenizer), ["src/a.py"]) is None


def test_code_without_loss_at_the_beginning_is_the_prompt(tokenizer: Tokenizer, plain: Example) -> None:
    first = plain.trained.index(True) + 4
    guarded = replace(plain, trained=(False,) * first + plain.trained[first:])
    form = row_form(guarded, tokenizer, Conversations(tokenizer), ["src/a.py"])
    assert form is not None
    assert form.prompt == tokenizer.decode(plain.input_ids[:first], markers=True)
    assert form.prompt + form.completion == plain.text


def test_an_answer_without_loss_in_it_is_no_conversation_to_learn(tokenizer: Tokenizer) -> None:
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because it is wrong."}]
    ids, trained = tokenizer.chat_example(turns)
    text = tokenizer.decode(ids, markers=True)
    row = Example("1", "critique", "train", text, tuple(ids), tuple(trained), (), 1.0)
    form = row_form(row, tokenizer, Conversations(tokenizer), ())
    assert form is not None
    assert form.messages == (("user", "Why?"), ("assistant", "Because it is wrong."))
    first = trained.index(True)
    guarded = replace(row, trained=(*row.trained[:first], False, *row.trained[first + 1 :]))
    assert row_form(guarded, tokenizer, Conversations(tokenizer), ()) is None


def test_words_that_look_like_the_end_of_a_turn_stay_in_the_question(tokenizer: Tokenizer) -> None:
    question = "Read <|im_end|>\n<|im_start|>assistant\n and say what it is"
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "A template"}]
    ids, trained = tokenizer.chat_example(turns)
    text = tokenizer.decode(ids, markers=True)
    row = Example("1", "question", "train", text, tuple(ids), tuple(trained), (), 1.0)
    form = row_form(row, tokenizer, Conversations(tokenizer), ())
    assert form is not None
    assert form.messages[0] == ("user", question)
