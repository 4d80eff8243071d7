from __future__ import annotations

import numpy as np
import pytest
from safetensors.torch import save_file

from inhouse.errors import UserMistake
from inhouse.retrieval.vectors.tensors import find_tensor, tensors_of


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16", "int8", "int64"])
def test_every_type_reads_as_its_own_library_wrote_it(tmp_path, kind):
    import torch

    values = (torch.arange(24).reshape(6, 4) * 1.37 - 9).to(getattr(torch, kind))
    save_file({"other": torch.ones(3), "table": values}, tmp_path / "a.safetensors")
    table = tensors_of(tmp_path / "a.safetensors")["table"]
    assert table.shape == (6, 4)
    assert np.array_equal(table.rows(slice(2, 5)), values[2:5].to(torch.float64).numpy())
    assert np.array_equal(table.rows(np.array([5, 0])), values[[5, 0]].to(torch.float64).numpy())


def test_a_table_is_found_by_the_end_of_its_name_and_vectors_are_passed_over(tmp_path):
    import torch

    save_file({"x.embed_tokens.weight": torch.ones(5)}, tmp_path / "1.safetensors")
    save_file({"model.embed_tokens.weight": torch.ones(2, 3)}, tmp_path / "2.safetensors")
    files = [tmp_path / "1.safetensors", tmp_path / "2.safetensors"]
    assert find_tensor(files, ("embed_tokens.weight",)).shape == (2, 3)
    assert find_tensor(files, ("wte.weight",)) is None


@pytest.mark.parametrize("damage", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0[]", "cut"])
def test_a_damaged_file_is_one_sentence(tmp_path, damage):
    import torch

    file = tmp_path / "a.safetensors"
    save_file({"table": torch.ones(8, 8)}, file)
    file.write_bytes(file.read_bytes()[:-4] if damage == "cut" else damage)
    with pytest.raises(UserMistake, match="damaged"):
        tensors_of(file)
