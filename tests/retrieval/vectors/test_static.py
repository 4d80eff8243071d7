from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from inhouse.errors import UserMistake
from inhouse.models.cache import cached_models
from inhouse.retrieval.vectors.static import StaticVectors
from inhouse.retrieval.vectors.word_table import word_table
from tests.retrieval.vectors.safetensors_file import write_safetensors
from tests.tiny import builtin_model, make_tiny_model, write_tokenizer

SIZE = 24


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_model(folder, change=None):
    """A base model whose embeddings are noise on top of a large part that all rows share."""
    count = write_tokenizer(folder)
    table = np.random.default_rng(0).normal(size=(count, SIZE)).astype(np.float32)
    table[:, 0] = 50
    table[:, 1:4] += np.linspace(-40, 40, count)[:, None] * np.array([1.0, 0.0, 0.0])
    if change is not None:
        change(table)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": table})
    return table


def test_what_all_rows_share_is_taken_out(tmp_path):
    given = write_model(tmp_path / "model").astype(np.float64)
    rows = word_table(str(tmp_path / "model")).rows().astype(np.float64)
    centred = given - given.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred - centred @ directions[:3].T @ directions[:3]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(rows - expected).max() < 1e-3  # float16
    assert np.abs(rows @ directions[0]).max() < 1e-3


def test_a_word_is_the_mean_of_its_forms_and_pieces(tmp_path):
    from tokenizers import Tokenizer

    write_model(tmp_path / "model")
    source = StaticVectors(str(tmp_path / "model"))
    rows = word_table(str(tmp_path / "model")).rows().astype(np.float64)
    tokenizer = Tokenizer.from_file(str(tmp_path / "model" / "tokenizer.json"))
    forms = [tokenizer.encode(form).ids for form in (" checksum", "checksum", "Checksum")]
    expected = sum(rows[ids].mean(axis=0) for ids in forms)
    [found] = source.documents(["checksum"])
    assert np.abs(found - expected / np.linalg.norm(expected)).max() < 1e-5


def test_a_vector_depends_on_its_text_alone(tmp_path):
    write_model(tmp_path / "model")
    texts = ["def read(path): return path", "class Reader", "int main(void)", "", "1 2 3 + -"]
    together = StaticVectors(str(tmp_path / "model")).documents(texts)
    source = StaticVectors(str(tmp_path / "model"))
    for place in (3, 1, 0, 2, 4):
        assert np.array_equal(source.documents([texts[place]])[0], together[place])
    assert np.allclose(np.linalg.norm(together, axis=1), [1, 1, 1, 0, 0])


def test_more_words_than_are_kept_in_memory_change_nothing(tmp_path, monkeypatch):
    write_model(tmp_path / "model")
    texts = [" ".join(f"w{chr(97 + n)}{chr(97 + m)}" for m in range(20)) for n in range(5)]
    expected = StaticVectors(str(tmp_path / "model")).documents(texts)
    monkeypatch.setattr("inhouse.retrieval.vectors.static._KEPT", 7)
    assert np.allclose(StaticVectors(str(tmp_path / "model")).documents(texts), expected, atol=1e-6)


def test_the_parts_of_identifiers_count_and_the_name_of_a_language_does_not(tmp_path):
    write_model(tmp_path / "model")
    source = StaticVectors(str(tmp_path / "model"))
    assert np.allclose(source.documents(["parseHeader"]), source.documents(["header_parse"]), atol=1e-6)
    assert np.allclose(source.queries(["python parse header"]), source.documents(["parse header"]), atol=1e-6)


def test_a_frequent_word_counts_less(tmp_path):
    write_model(tmp_path / "model")
    source = StaticVectors(str(tmp_path / "model"))
    rare, frequent = "checksum", "in"  # merged early: a small token number
    [both, one, other] = source.documents([f"{rare} {frequent}", rare, frequent])
    assert both @ one > both @ other


def test_the_name_tells_models_apart_and_not_places(tmp_path):
    write_model(tmp_path / "a" / "model")
    write_model(tmp_path / "b" / "model")
    write_model(tmp_path / "c" / "model", lambda table: table.__setitem__(7, 0))
    first, second, third = (StaticVectors(str(tmp_path / place / "model")).name for place in "abc")
    assert first == second != third


def test_the_table_is_made_once_and_is_no_base_model(tmp_path):
    write_model(tmp_path / "model")
    folder = word_table(str(tmp_path / "model")).folder
    before = (folder / "rows.npy").stat().st_mtime_ns
    assert (word_table(str(tmp_path / "model")).folder / "rows.npy").stat().st_mtime_ns == before
    assert cached_models() == []


def test_a_real_model_folder_works(tmp_path):
    make_tiny_model(tmp_path / "tiny")
    source = StaticVectors(str(tmp_path / "tiny"))
    assert source.dimension == 64
    assert source.documents(["return width * height"]).shape == (1, 64)


def test_embeddings_that_are_no_numbers_are_refused(tmp_path):
    write_model(tmp_path / "model", lambda table: table.__setitem__((3, 3), np.nan))
    with pytest.raises(UserMistake, match="not finite"):
        StaticVectors(str(tmp_path / "model"))
    assert not list((tmp_path / "cache").rglob("rows.npy"))


@pytest.mark.parametrize("reference", ["builtin:nothing", "no/such/model", __file__])
def test_what_is_no_model_is_one_sentence(reference):
    with pytest.raises(UserMistake, match="static vectors are made of"):
        StaticVectors(reference)


def test_code_and_pickles_in_a_folder_are_refused(tmp_path):
    write_model(tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text('{"auto_map": {}}', encoding="utf-8")
    with pytest.raises(UserMistake, match="their own Python code"):
        StaticVectors(str(tmp_path / "model"))
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(UserMistake, match="pickles"):
        StaticVectors(str(tmp_path / "model"))


def test_torch_is_not_needed(tmp_path):
    write_model(tmp_path / "model")
    program = (  # an import of them fails
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers')))\n"
        "from inhouse.retrieval.vectors.static import StaticVectors\n"
        f"print(StaticVectors({str(tmp_path / 'model')!r}).documents(['read']).shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (f"(1, {SIZE})\n", 0), done.stderr


@pytest.mark.model
def test_the_embedded_model_knows_words_that_are_alike(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")  # made once for all tests
    builtin_model()
    source = StaticVectors()
    question, right, wrong = source.documents(
        [
            "delete a folder",
            "def remove_directory(path): shutil.rmtree(path)",
            "def parse_date(text): return date",
        ]
    )
    assert question @ right > question @ wrong + 0.2
    assert source.name == "static:smollm2-135m:b179c9523d0e:1"
