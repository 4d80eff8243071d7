"""The expected vectors are those of sentence-transformers 6.2.0 for the folder that the fixture writes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inhouse.config import Vectors
from inhouse.errors import UserMistake
from inhouse.retrieval.vectors import open_source
from inhouse.retrieval.vectors.sentences import SentenceVectors
from tests.retrieval.vectors.sentence_folder import TEXTS, write_sentence_folder

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
EXPECTED = {  # pooling: the first three numbers of each of TEXTS, then of the first as a question
    "mean": (
        {"pooling_mode": "mean"},
        [
            [0.04968, 0.40141, 0.09998],
            [0.04607, 0.39891, 0.11218],
            [0.05092, 0.40209, 0.11286],
            [0.04973, 0.4001, 0.11613],
        ],
        [0.04622, 0.39909, 0.11298],
    ),
    "mean as older versions write it": (
        MEAN,
        [
            [0.04968, 0.40141, 0.09998],
            [0.04607, 0.39891, 0.11218],
            [0.05092, 0.40209, 0.11286],
            [0.04973, 0.4001, 0.11613],
        ],
        [0.04622, 0.39909, 0.11298],
    ),
    "cls, then dense": (
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        [
            [0.68895, 0.39054, -0.56577],
            [0.68705, 0.39013, -0.56877],
            [0.68701, 0.39771, -0.56701],
            [0.68827, 0.38245, -0.56858],
        ],
        [0.68817, 0.38428, -0.56834],
    ),
    "two at once": (
        {"pooling_mode": ["max", "mean"]},
        [
            [0.03926, 0.28359, 0.08092],
            [0.039, 0.2811, 0.1118],
            [0.0395, 0.28479, 0.08389],
            [0.0378, 0.2841, 0.10296],
        ],
        [0.03822, 0.28276, 0.0856],
    ),
    "last token": (
        {"pooling_mode": "lasttoken"},
        [
            [0.04609, 0.40018, 0.10707],
            [0.03932, 0.39974, 0.13752],
            [0.04565, 0.40249, 0.10633],
            [0.04511, 0.39866, 0.14447],
        ],
        [0.01769, 0.39291, 0.11885],
    ),
    "later tokens count more": (
        {"pooling_mode": "weightedmean"},
        [
            [0.04967, 0.40121, 0.1031],
            [0.0446, 0.39886, 0.11151],
            [0.04916, 0.40223, 0.11068],
            [0.04855, 0.40003, 0.12136],
        ],
        [0.0431, 0.39874, 0.11506],
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_vectors_are_those_of_sentence_transformers(tmp_path, name):
    pooling, documents, question = EXPECTED[name]
    write_sentence_folder(tmp_path, pooling, dense=name.startswith("cls"))
    source = open_source(Vectors(source=str(tmp_path)))
    found = source.documents(TEXTS)
    assert found.shape == (len(TEXTS), source.dimension)
    assert np.abs(found[:, :3] - documents).max() < 3e-5
    assert np.abs(source.queries(TEXTS[:1])[0, :3] - question).max() < 3e-5
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_a_vector_depends_on_its_text_alone(tmp_path):
    write_sentence_folder(tmp_path, MEAN)
    source = SentenceVectors(tmp_path)
    many = [f"{text} file" for text in TEXTS] * 20
    alone = np.concatenate([source.documents([text]) for text in many[:4]])
    assert np.abs(source.documents(many) - np.tile(alone, (20, 1))).max() < 1e-6
    assert source.documents([]).shape == (0, 8)


def test_prompts_of_the_settings_replace_those_of_the_model_and_are_part_of_the_name(tmp_path):
    write_sentence_folder(tmp_path, MEAN)
    plain, other = (
        SentenceVectors(tmp_path),
        SentenceVectors(tmp_path, query_prompt="", document_prompt="query: "),
    )
    assert np.array_equal(plain.queries(["file"]), other.documents(["file"]))
    assert np.array_equal(plain.documents(["file"]), other.queries(["file"]))
    assert plain.name != other.name


def test_weights_tokenizer_and_pooling_are_part_of_the_name(tmp_path):
    names = set()
    for number, pooling in enumerate((MEAN, MEAN, {"pooling_mode": "cls"})):
        folder = tmp_path / str(number) / "model"
        folder.mkdir(parents=True)
        write_sentence_folder(folder, pooling)
        names.add(SentenceVectors(folder).name)
    assert len(names) == 2


def test_a_plain_transformer_is_averaged(tmp_path):
    write_sentence_folder(tmp_path, MEAN)
    expected = SentenceVectors(tmp_path, "", "").documents(TEXTS)
    (tmp_path / "modules.json").unlink()
    assert np.array_equal(SentenceVectors(tmp_path, "", "").documents(TEXTS), expected)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("modules.json", [{"path": "", "type": "a.Transformer"}, {"path": "1", "type": "a.CNN"}], "CNN"),
        ("modules.json", [{"path": "../..", "type": "a.Transformer"}], "outside"),
        ("modules.json", [{"path": "1_Pooling", "type": "a.Pooling"}], "Pooling"),
        ("modules.json", {"a": 1}, "damaged"),
        ("1_Pooling/config.json", {"pooling_mode": "magic"}, "magic"),
        ("1_Pooling/config.json", {**MEAN, "include_prompt": False}, "prompts"),
        ("config.json", {"auto_map": {"AutoModel": "code.py"}}, "their own Python code"),
    ],
)
def test_what_cannot_be_done_exactly_is_refused(tmp_path, file, content, says):
    write_sentence_folder(tmp_path / "deep" / "model", MEAN)
    (tmp_path / "deep" / "model" / file).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserMistake, match=says):
        open_source(Vectors(source=str(tmp_path / "deep" / "model")))


def test_pickles_are_refused(tmp_path):
    write_sentence_folder(tmp_path, MEAN)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UserMistake, match="pickles"):
        open_source(Vectors(source=str(tmp_path)))
