from __future__ import annotations

from pathlib import Path

from inhouse.models.tokenizer import Tokenizer
from inhouse.training.data import TrainingData
from inhouse.training.preview import first_batch
from tests.tiny import write_tokenizer
from tests.training.material import PAD, example, recipe, write_dataset


def _preview(folder: Path, texts: list[str], **changes: object) -> dict[str, object]:
    write_tokenizer(folder)
    tokenizer = Tokenizer.load(folder)
    made = []
    for number, text in enumerate(texts):
        ids = [4, *tokenizer.encode(text)]  # a marker before the text
        made.append(example(str(number), ids, [False, *[place > 1 for place in range(len(ids) - 1)]]))
    wanted = recipe(epochs=1.0, **changes)
    return first_batch(TrainingData.read(write_dataset(folder, made), wanted, PAD), tokenizer)


def test_it_shows_text_markers_boundaries_and_what_carries_loss(tmp_path: Path) -> None:
    shown = _preview(tmp_path, ["return value\n", "import os\n"])
    (row,) = shown["rows"]  # type: ignore[misc]
    documents = {document["example"]: document["tokens"] for document in row["documents"]}
    texts = {name: "".join(text for text, _ in tokens) for name, tokens in documents.items()}
    assert texts == {"0": "<repo_name>return value\n", "1": "<repo_name>import os\n"}
    for tokens in documents.values():
        assert [carries for _, carries in tokens] == [False] * 3 + [True] * (len(tokens) - 3)
    counted = sum(len(tokens) for tokens in documents.values())
    assert (shown["tokens"], shown["tokens_shown"], shown["rows_left_out"]) == (counted, counted, 0)
    assert row["padding"] == 64 - counted


def test_a_character_of_several_tokens_is_shown_whole(tmp_path: Path) -> None:
    shown = _preview(tmp_path, ["x = '漢€'\n"])
    (row,) = shown["rows"]  # type: ignore[misc]
    pieces = [text for text, _ in row["documents"][0]["tokens"]]
    assert "漢" in pieces
    assert not any("\ufffd" in piece for piece in pieces)


def test_no_more_than_two_thousand_tokens_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    shown = _preview(tmp_path, ["a b c d e f g h " * 20] * 30, rows=16, accumulation=2, sequence_length=512)
    assert shown["tokens_shown"] == 2000
    assert shown["tokens"] > 2000  # type: ignore[operator]
    assert len(shown["rows"]) + shown["rows_left_out"] == 30  # type: ignore[arg-type, operator]
    assert shown["rows_left_out"] > 0  # type: ignore[operator]
