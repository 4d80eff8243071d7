"""What an adapter's manifest says of tokens to which it gave a meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from inhouse.registry.manifest import _new_tokens
from tests.tiny import write_tokenizer
from tests.training.material import recipe


@dataclass
class _Model:
    folder: Path


def test_the_tokens_of_infill_are_named_where_the_adapter_made_them_so(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    model = cast("Any", _Model(tmp_path))
    assert _new_tokens(model, recipe()) == {}
    named = {"infill_tokens": {"prefix": "<|pad|>", "suffix": "<repo_name>", "middle": "<file_sep>"}}
    assert _new_tokens(model, recipe(new_tokens=(3, 4, 5))) == named
