"""Digests are those of the standard tools, and do not depend on the order of keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inhouse.digests import digest_file, digest_json, digest_rows, digest_text


def test_a_file_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(range(256)) * 9_000)  # more than one block
    theirs = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]
    assert digest_file(path) == theirs


def test_the_order_of_keys_does_not_matter_and_that_of_rows_does() -> None:
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    assert digest_rows([{"a": 1}, {"b": 2}]) != digest_rows([{"b": 2}, {"a": 1}])


def test_nan_is_refused_since_it_has_no_json() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        digest_json({"a": float("nan")})


def test_lone_surrogates_have_a_digest() -> None:
    assert digest_text("\ud800") != digest_text("")
