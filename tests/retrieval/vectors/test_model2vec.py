from __future__ import annotations

import json

import numpy as np
import pytest

from inhouse.config import Vectors
from inhouse.errors import UserMistake
from inhouse.retrieval.vectors import open_source
from inhouse.retrieval.vectors.model2vec import Model2Vec
from tests.retrieval.vectors.safetensors_file import write_safetensors

WORDS = ["[UNK]", "read", "file", "close", "open"]
ROWS = np.array([[9, 9], [3, 4], [0, 2], [-1, 0], [1, 1]], np.float32)


def write_folder(folder, **tensors):
    tokenizer = {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: n for n, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def direction(*values):
    return np.array(values) / np.linalg.norm(values)


def test_a_text_is_the_mean_of_its_tokens_and_unknown_ones_say_nothing(tmp_path):
    source = Model2Vec(write_folder(tmp_path, embeddings=ROWS))
    found = source.documents(["Read file strange", "close read file open", "strange", ""])
    assert np.allclose(found, [direction(3, 6), direction(3, 7), (0, 0), (0, 0)], atol=1e-6)
    assert np.array_equal(source.queries(["read"]), source.documents(["read"]))


def test_weights_and_a_mapping_are_of_tokens(tmp_path):
    weights = np.array([1, 2, 0.5, 1, 1], np.float64)
    mapping = np.array([0, 1, 0, 1, 0], np.int64)
    rows = np.array([[1, 0], [0, 1]], np.float16)
    source = Model2Vec(write_folder(tmp_path, embeddings=rows, weights=weights, mapping=mapping))
    assert np.allclose(source.documents(["read file"]), [direction(0.5, 2)], atol=1e-6)


def test_the_names_of_sentence_transformers_and_its_folder_are_known(tmp_path):
    write_folder(tmp_path / "0_StaticEmbedding", **{"embedding.weight": ROWS})
    source = open_source(Vectors(source=str(tmp_path)))
    assert isinstance(source, Model2Vec)
    assert np.allclose(source.documents(["read"]), [direction(3, 4)], atol=1e-6)


def test_other_weights_have_another_name(tmp_path):
    first = Model2Vec(write_folder(tmp_path / "a" / "m", embeddings=ROWS)).name
    assert first == Model2Vec(write_folder(tmp_path / "b" / "m", embeddings=ROWS)).name
    assert first != Model2Vec(write_folder(tmp_path / "c" / "m", embeddings=ROWS + 1)).name


@pytest.mark.parametrize(
    "tensors",
    [
        {"embeddings": ROWS[:4]},
        {"embeddings": ROWS, "weights": np.ones(3, np.float32)},
        {"embeddings": ROWS, "mapping": np.zeros(2, np.int64)},
    ],
)
def test_a_table_that_is_too_short_is_found_before_it_is_used(tmp_path, tensors):
    with pytest.raises(UserMistake, match="a vector for each token"):
        Model2Vec(write_folder(tmp_path, **tensors))
