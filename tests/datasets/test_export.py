"""What other tools are told of a row never makes them learn what the row carries no loss on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from inhouse.datasets.export import Conversations, export_rows, row_form
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


def test_parquet_tells_tools_that_read_tokens_where_the_loss_is(
    tokenizer: Tokenizer, plain: Example, tmp_path: Path
) -> None:
    """Also where the loss is off in the middle, which no text form can say."""
    guarded = replace(plain, trained=(*plain.trained[:-6], False, False, *plain.trained[-4:]))
    export_rows([guarded], tokenizer, {}, "parquet", tmp_path / "out")
    (row,) = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert tuple(row["input_ids"]) == plain.input_ids
    assert row["attention_mask"] == [1] * len(plain.input_ids)
    assert [label != -100 for label in row["labels"]] == list(guarded.trained)
    kept = [(label, id_) for label, id_ in zip(row["labels"], row["input_ids"], strict=True) if label != -100]
    assert all(label == id_ for label, id_ in kept)


@pytest.mark.parametrize("form", ["parquet", "messages", "completion"])
def test_every_line_of_configuration_in_an_export_names_a_file_of_it(
    tokenizer: Tokenizer, plain: Example, tmp_path: Path, form: str
) -> None:
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    ids, trained = tokenizer.chat_example(turns)
    text = tokenizer.decode(ids, markers=True)
    asked = Example("1", "question", "train", text, tuple(ids), tuple(trained), (), 1.0)
    export_rows([plain, asked], tokenizer, {}, form, tmp_path / "out", "shop")
    page = (tmp_path / "out" / "README.md").read_text()
    named = {each["path"] for each in yaml.safe_load(_block(page, "axolotl"))["datasets"]}
    assert named == {path.name for path in (tmp_path / "out").glob("train*")}
    lines = list(yaml.safe_load_all(_block(page, "LLaMA-Factory")))
    described = yaml.safe_load((tmp_path / "out" / "dataset_info.json").read_text())
    assert {described[each["dataset"]]["file_name"] for each in lines} == named


def _block(page: str, tool: str) -> str:
    return page.partition(f"## {tool}\n")[2].partition("```yaml\n")[2].partition("```")[0]
